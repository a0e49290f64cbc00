//! `rzctl gen`: the code of the contracts, written again.

use std::path::{Path, PathBuf};

use clap::Args;
use rzero_codegen::{Plan, generate, plan};
use serde_json::json;

use crate::console::Console;
use crate::exit::Exit;
use crate::failure::{Failure, Result};
use crate::project::Project;
use crate::project::changes::{self, MethodChanges};
use crate::project::files::{self, Overwrite};

const EXAMPLES: &str = "\
Examples:
  rzctl gen                     write src/gen/ again
  rzctl gen --diff              show what it would change
  rzctl gen --check             for CI: exit code 1 when src/gen/ is stale";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct GenArgs {
    /// Root of the service [default: the one around the current folder]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,

    /// Write nothing; exit with 1 when generated code is stale
    #[arg(long)]
    check: bool,

    /// Write nothing; show what would change
    #[arg(long)]
    diff: bool,

    /// Remove generated files that nothing generates any more
    #[arg(long, conflicts_with_all = ["check", "diff"])]
    prune: bool,
}

pub(crate) fn run(args: &GenArgs, console: &Console) -> Result<Exit> {
    let project = Project::find(args.dir.as_deref())?;
    let folder = project.gen_dir();
    let model = project.contracts()?;
    let existing = files::read_tree(&folder)?;
    let changes = changes::of_methods(&existing, &model);
    let plan = plan(generate(&model)?, &existing);
    refuse_foreign(&plan, &folder)?;
    if args.diff {
        show_diff(&plan, console);
    }
    if args.check {
        return Ok(check(args, &plan, &folder, console));
    }
    if args.diff {
        return Ok(Exit::Ok);
    }
    let pruned: &[PathBuf] = if args.prune { &plan.orphans } else { &[] };
    // Before the new files: an old `a.rs` may stand beside a new `a/mod.rs`.
    for name in pruned {
        files::remove(&folder, name)?;
    }
    for change in &plan.write {
        let path = folder.join(&change.file.path);
        files::write(&path, &change.file.contents, Overwrite::Always)?;
    }
    if console.is_json() {
        console.value(&json!({
            "written": names(&folder, plan.write.iter().map(|change| &change.file.path)),
            "unchanged": plan.unchanged.len(),
            "orphans": names(&folder, plan.orphans.iter().filter(|_| !args.prune)),
            "removed": names(&folder, pruned),
            "methods": changes.json(),
        }));
    } else {
        tell(&plan, pruned, &folder, console);
        hint(&changes, &project.logic_file(), console);
    }
    Ok(Exit::Ok)
}

/// Files of others are never overwritten, and without them the output is not whole.
fn refuse_foreign(plan: &Plan, folder: &Path) -> Result<()> {
    if plan.foreign.is_empty() {
        return Ok(());
    }
    let foreign = names(folder, &plan.foreign).join(", ");
    Err(Failure::input(format!(
        "{foreign}: not written by rzctl, so not overwritten"
    ))
    .help("move it out of `src/gen/`, which holds generated files only"))
}

fn show_diff(plan: &Plan, console: &Console) {
    let diff = plan.diff();
    if console.is_json() {
        console.value(&json!({ "diff": diff }));
        return;
    }
    for line in diff.lines() {
        let color = match line.as_bytes().first() {
            Some(b'+') => "\x1b[32m",
            Some(b'-') => "\x1b[31m",
            Some(b'@') => "\x1b[36m",
            _ => "",
        };
        match console.has_color() && !color.is_empty() {
            true => console.line(format!("{color}{line}\x1b[0m")),
            false => console.line(line),
        }
    }
}

fn check(args: &GenArgs, plan: &Plan, folder: &Path, console: &Console) -> Exit {
    let stale = names(folder, plan.write.iter().map(|change| &change.file.path));
    let orphans = names(folder, &plan.orphans);
    if console.is_json() {
        if !args.diff {
            let fresh = plan.is_clean();
            console.value(&json!({ "fresh": fresh, "stale": stale, "orphans": orphans }));
        }
    } else if plan.is_clean() {
        console.line(format!("{} files are up to date", plan.unchanged.len()));
    } else {
        for name in &stale {
            console.note(format!("stale: {name}"));
        }
        for name in &orphans {
            console.note(format!("orphan: {name}, nothing generates it any more"));
        }
        let prune = if orphans.is_empty() { "" } else { " --prune" };
        console.note(format!("run `rzctl gen{prune}`"));
    }
    match plan.is_clean() {
        true => Exit::Ok,
        false => Exit::Failed,
    }
}

fn tell(plan: &Plan, pruned: &[PathBuf], folder: &Path, console: &Console) {
    for name in names(folder, plan.write.iter().map(|change| &change.file.path)) {
        console.line(format!("written: {name}"));
    }
    for name in names(folder, pruned) {
        console.line(format!("removed: {name}"));
    }
    if plan.write.is_empty() && pruned.is_empty() {
        console.line(format!("{} files are up to date", plan.unchanged.len()));
    }
    if pruned.is_empty() && !plan.orphans.is_empty() {
        for name in names(folder, &plan.orphans) {
            console.note(format!("orphan: {name}, nothing generates it any more"));
        }
        console.note("remove them with `rzctl gen --prune`; left behind, they can break the build");
    }
}

/// What the compiler will ask for.
fn hint(changes: &MethodChanges, logic: &Path, console: &Console) {
    let logic = logic.display();
    if !changes.added.is_empty() {
        console.line(format!("\nthe build fails until {logic} has:"));
    }
    for method in &changes.added {
        console.line(format!(
            "  in `impl {}`: {}",
            method.service, method.signature
        ));
    }
    if !changes.removed.is_empty() {
        console.line(format!("\nthe build fails while {logic} still has:"));
    }
    for method in &changes.removed {
        console.line(format!("  {}/{}", method.service, method.name));
    }
}

fn names<'a>(folder: &Path, paths: impl IntoIterator<Item = &'a PathBuf>) -> Vec<String> {
    let shown = paths.into_iter().map(|path| folder.join(path));
    shown.map(|path| path.display().to_string()).collect()
}
