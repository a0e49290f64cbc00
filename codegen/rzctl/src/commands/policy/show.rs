//! `rzctl policy show`.

use rzero::config::{Origin, duration};
use rzero::policy::{Scope, Setting, Side, Source};
use serde_json::{Value, json};

use super::ShowArgs;
use super::found::{self, Configured};
use crate::console::Console;
use crate::exit::Exit;
use crate::failure::{Failure, Result};
use crate::project::Project;
use crate::table::Table;

/// What stands for a method when no contract is at hand: only patterns of all methods match it.
const ANY: &str = "*";

/// What is shown.
struct View {
    side: Side,
    target: Option<String>,
    files: Vec<String>,
    /// What holds for the whole server or target.
    whole: Vec<Setting>,
    methods: Vec<(String, Vec<Setting>)>,
    warnings: Vec<String>,
}

pub(super) fn run(args: &ShowArgs, console: &Console) -> Result<Exit> {
    let project = match (&args.dir, Project::find(args.dir.as_deref())) {
        (_, Ok(project)) => Some(project),
        (Some(_), Err(failure)) => return Err(failure),
        (None, Err(_)) => None,
    };
    check(args)?;
    let configured = Configured::load(args, project.as_ref())?;
    let view = View::of(args, project.as_ref(), &configured)?;
    match console.is_json() {
        true => console.value(&view.json(args)),
        false => view.tell(args, console),
    }
    for warning in configured.without_centre.iter().chain(&view.warnings) {
        console.note(format!("warning: {warning}"));
    }
    Ok(Exit::Ok)
}

/// Options that do not go with the side.
fn check(args: &ShowArgs) -> Result<()> {
    match Side::from(args.side) {
        Side::Server if args.target.is_some() => {
            Err(Failure::input("`--target` is about the client side").help("add `--side client`"))
        }
        Side::Client if args.caller.is_some() => {
            Err(Failure::input("`--caller` is about the server side")
                .help("leave `--side client` out"))
        }
        _ => Ok(()),
    }
}

impl View {
    fn of(args: &ShowArgs, project: Option<&Project>, configured: &Configured) -> Result<Self> {
        let side = Side::from(args.side);
        let policies = &configured.policies;
        let listed = found::methods(args, project, configured)?;
        let known = listed.is_some();
        let paths = listed.unwrap_or_else(|| vec![given(args)]);
        let target = (side == Side::Client).then(|| {
            let named = args.target.clone();
            named.unwrap_or_else(|| configured.target(&args.service))
        });
        let scope = match (&target, &args.caller) {
            (Some(target), _) => Scope::Target(target),
            (None, Some(caller)) => Scope::Caller(caller),
            (None, None) => Scope::Any,
        };
        let method = |path: String| {
            let mut settings = policies.explain(side, scope, &path);
            fill_timeout(&mut settings, configured, target.as_deref());
            (path.trim_start_matches('/').to_owned(), settings)
        };
        let whole = match &target {
            Some(target) => policies.explain_target(target),
            None => policies.explain_server(),
        };
        let warnings = match known && side == Side::Server {
            true => warnings(args, project, configured)?,
            false => Vec::new(),
        };
        let files = configured.files.iter();
        Ok(Self {
            side,
            files: files.map(|path| path.display().to_string()).collect(),
            whole,
            methods: paths.into_iter().map(method).collect(),
            warnings,
            target,
        })
    }

    fn json(&self, args: &ShowArgs) -> Value {
        let methods = self.methods.iter().map(
            |(method, settings)| json!({ "method": method, "settings": settings_json(settings) }),
        );
        json!({
            "service": args.service,
            "side": self.side.as_str(),
            "target": self.target,
            "caller": args.caller,
            "files": self.files,
            "whole": settings_json(&self.whole),
            "methods": methods.collect::<Vec<_>>(),
            "warnings": self.warnings,
        })
    }

    fn tell(&self, args: &ShowArgs, console: &Console) {
        let whole = match &self.target {
            Some(target) => format!("all calls to {target}"),
            None => "the whole server".to_owned(),
        };
        let mut blocks = vec![(vec![whole], &self.whole)];
        for (method, settings) in &self.methods {
            match blocks.last_mut() {
                // Methods with the same policy stand together.
                Some((names, same)) if blocks_join(names, same, settings, &self.whole) => {
                    names.push(method.clone());
                }
                _ => blocks.push((vec![shown_method(method)], settings)),
            }
        }
        let texts = blocks.iter().map(|(names, settings)| {
            let mut text = names.join("\n");
            text.push('\n');
            text.push_str(&block(settings, args.all, console.has_color()));
            text
        });
        console.line(texts.collect::<Vec<_>>().join("\n\n"));
    }
}

fn blocks_join(names: &[String], same: &[Setting], new: &[Setting], whole: &[Setting]) -> bool {
    !names.is_empty() && !std::ptr::eq(same, whole) && same == new
}

fn shown_method(method: &str) -> String {
    match method {
        ANY => "any method that no rule names".to_owned(),
        method => method.to_owned(),
    }
}

/// The method that is given in full, or all that no rule names.
fn given(args: &ShowArgs) -> String {
    let pattern = args.method.as_deref().unwrap_or(ANY);
    match pattern.contains('*') {
        true => ANY.to_owned(),
        false if pattern.contains('/') => pattern.to_owned(),
        false => format!("/{}/{pattern}", args.service),
    }
}

/// Without a timeout in `[policy]` that of the server or the client holds.
fn fill_timeout(settings: &mut [Setting], configured: &Configured, target: Option<&str>) {
    let Some(timeout) = settings.iter_mut().find(|setting| setting.key == "timeout") else {
        return;
    };
    if timeout.value != "none" {
        return;
    }
    let (time, origin) = match target {
        None => configured.server_timeout.clone(),
        Some(target) => match configured.clients.get(target) {
            Some((config, origin)) => (config.timeout, origin.clone()),
            None => (rzero::parts::client::ClientConfig::default().timeout, None),
        },
    };
    timeout.value = format!("{:?}", duration::format(time));
    timeout.source = origin.map_or(Source::BuiltIn, Source::Table);
}

fn warnings(
    args: &ShowArgs,
    project: Option<&Project>,
    configured: &Configured,
) -> Result<Vec<String>> {
    let served = found::contracts(args, project)?.unwrap_or_default();
    let served: Vec<&str> = served.iter().map(String::as_str).collect();
    let targets: Vec<&str> = configured.clients.keys().map(String::as_str).collect();
    let found = configured.policies.warnings(&served, &targets);
    Ok(found.iter().map(ToString::to_string).collect())
}

/// Key, value and source in columns; defaults are left out or dim.
fn block(settings: &[Setting], all: bool, color: bool) -> String {
    let is_written = |setting: &&Setting| setting.source != Source::BuiltIn;
    let written = settings.iter().filter(is_written).count();
    let mut table = Table::new(["  KEY", "VALUE", "FROM"]);
    let shown: Vec<&Setting> = settings.iter().filter(|s| all || is_written(s)).collect();
    for setting in &shown {
        table.row([
            format!("  {}", setting.key),
            setting.value.clone(),
            setting.source.to_string(),
        ]);
    }
    let defaults = settings.len() - written;
    if shown.is_empty() {
        return format!("  {defaults} built-in defaults");
    }
    let lines = table.render();
    let dimmed = lines.lines().enumerate().map(|(at, line)| {
        let setting = at.checked_sub(1).and_then(|at| shown.get(at));
        match setting.is_some_and(|setting| setting.source == Source::BuiltIn) && color {
            true => format!("\x1b[2m{line}\x1b[0m"),
            false => line.to_owned(),
        }
    });
    let mut text = dimmed.collect::<Vec<_>>().join("\n");
    if !all && defaults > 0 {
        text.push_str(&format!("\n  and {defaults} built-in defaults"));
    }
    text
}

fn settings_json(settings: &[Setting]) -> Vec<Value> {
    let one = |setting: &Setting| {
        // The notation of TOML is that of JSON for plain values and lists of them.
        let value = match setting.value.as_str() {
            "none" => Value::Null,
            text => serde_json::from_str(text).unwrap_or_else(|_| text.into()),
        };
        json!({ "key": setting.key, "value": value, "source": source_json(&setting.source) })
    };
    settings.iter().map(one).collect()
}

fn source_json(source: &Source) -> Value {
    let mut json = match source {
        Source::BuiltIn => json!({ "kind": "built-in" }),
        Source::Table(_) => json!({ "kind": "table" }),
        Source::Rule { number, .. } => json!({ "kind": "rule", "rule": number }),
        _ => json!({ "kind": "other" }),
    };
    match source.origin() {
        Some(Origin::File { path, line, column }) => {
            json["file"] = path.display().to_string().into();
            json["line"] = (*line).into();
            json["column"] = (*column).into();
        }
        Some(Origin::Remote { name, line, column }) => {
            json["remote"] = name.to_string().into();
            json["line"] = (*line).into();
            json["column"] = (*column).into();
        }
        Some(Origin::Environment { name }) => json["environment"] = name.to_string().into(),
        Some(other) => json["origin"] = other.to_string().into(),
        None => {}
    }
    json
}
