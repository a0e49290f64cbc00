//! Help, usage mistakes and completion scripts.

use std::path::Path;

use crate::support::rzctl;

fn golden(arguments: &[&str]) -> String {
    rzctl(Path::new("."), arguments).golden()
}

#[test]
fn help_of_every_command_has_examples() {
    for (name, arguments) in [
        ("rzctl", &["--help"][..]),
        ("new", &["new", "--help"]),
        ("new_service", &["new", "service", "--help"]),
        ("gen", &["gen", "--help"]),
        ("call", &["call", "--help"]),
        ("list", &["list", "--help"]),
        ("describe", &["describe", "--help"]),
        ("ps", &["ps", "--help"]),
        ("policy", &["policy", "--help"]),
        ("policy_show", &["policy", "show", "--help"]),
        ("completion", &["completion", "--help"]),
    ] {
        let text = golden(arguments);
        assert!(
            text.contains("Examples:") && text.contains("--json"),
            "{text}"
        );
        insta::assert_snapshot!(format!("help_{name}"), text);
    }
}

#[test]
fn usage_mistakes_exit_with_3() {
    for (name, arguments) in [
        ("unknown_command", &["nwe"][..]),
        ("unknown_option", &["gen", "--chekc"]),
        ("call_without_method", &["call", "greeter.Greeter"]),
        ("bad_deadline", &["call", "a.B/C", "--deadline", "3"]),
        ("bad_address", &["call", "a.B/C", "--addr", "nowhere"]),
        (
            "address_and_registry",
            &["call", "a.B/C", "--addr", "a:1", "--registry", "local"],
        ),
        ("missing_name", &["new", "service"]),
        (
            "options_that_exclude_each_other",
            &["gen", "--check", "--prune"],
        ),
    ] {
        let text = golden(arguments);
        assert!(text.starts_with("exit code 3\n"), "{text}");
        insta::assert_snapshot!(format!("usage_{name}"), text);
    }
}

#[test]
fn version_is_no_mistake() {
    let ran = rzctl(Path::new("."), &["--version"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
}

#[test]
fn every_shell_has_a_script() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ran = rzctl(Path::new("."), &["completion", shell]);
        assert_eq!(ran.code, 0);
        assert!(
            ran.out.contains("completion") && ran.out.contains("check"),
            "{shell}"
        );
    }
}
