//! `rzctl new`: a service that builds and runs as it is.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use heck::ToKebabCase;
use rzero_codegen::{
    Dependency, GEN_DIR, Scaffold, ServiceName, default_contract, generate, scaffold,
};
use rzero_idl::{MethodKind, Model, ProtoInput, load_protos, load_texts};
use serde_json::json;

use crate::console::Console;
use crate::exit::Exit;
use crate::failure::{Failure, Result};
use crate::project::files::{self, Overwrite};
use crate::project::workspace::{self, Around};
use crate::project::{paths, source};

/// Most files that an error names.
const NAMED_MAX: usize = 8;

const EXAMPLES: &str = "\
Examples:
  rzctl new service greeter
  rzctl new service user-api --proto api/user/v1/user.proto -I api
  rzctl new service greeter --rzero https://example.com/rzero.git";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct NewArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Write a new service: contract, logic, configuration, test, Dockerfile, manifest
    Service(ServiceArgs),
}

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
struct ServiceArgs {
    /// Name of the service: lower case letters, digits, `-` and `_`
    name: String,

    /// Contracts to start from, copied together with what they import; without any, a contract is
    /// written
    #[arg(long, value_name = "FILE", num_args = 1..)]
    proto: Vec<PathBuf>,

    /// Folders that imports are relative to
    #[arg(short = 'I', long = "include", value_name = "DIR", requires = "proto")]
    includes: Vec<PathBuf>,

    /// Folder to write into [default: ./NAME]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,

    /// Overwrite files that are there
    #[arg(long)]
    force: bool,

    /// Where the service gets rzero from: a checkout, a git URL, or `workspace` when the workspace
    /// around it declares it [env: RZ_SOURCE] [default: the checkout that this runs in]
    #[arg(long, value_name = "PATH|URL")]
    rzero: Option<String>,

    /// Be a member of the cargo workspace around the folder instead of standing alone in it
    #[arg(long)]
    in_workspace: bool,
}

pub(crate) fn run(args: &NewArgs, console: &Console) -> Result<Exit> {
    let What::Service(args) = &args.what;
    service(args, console)
}

/// What is to be written, before anything is.
struct Draft {
    folder: PathBuf,
    files: BTreeMap<PathBuf, Vec<u8>>,
    stands_alone: bool,
}

fn service(args: &ServiceArgs, console: &Console) -> Result<Exit> {
    let name = checked_name(&args.name)?;
    let folder = args.dir.clone().unwrap_or_else(|| name.as_str().into());
    let model = contracts(args, &name)?;
    let draft = draft(args, &name, &model, folder)?;
    let overwrite = match args.force {
        true => Overwrite::Always,
        false => Overwrite::Never,
    };
    if !args.force {
        refuse_conflicts(&draft)?;
    }
    for (path, contents) in &draft.files {
        files::write(&draft.folder.join(path), contents, overwrite)?;
    }
    tell(&name, &model, &draft, args.in_workspace, console);
    Ok(Exit::Ok)
}

fn checked_name(text: &str) -> Result<ServiceName> {
    ServiceName::new(text).map_err(|error| {
        let failure = Failure::from(error);
        let better = text.to_kebab_case();
        match better != text && ServiceName::new(&better).is_ok() {
            true => failure.help(format!("how about `{better}`?")),
            false => failure,
        }
    })
}

fn contracts(args: &ServiceArgs, name: &ServiceName) -> Result<Model> {
    if args.proto.is_empty() {
        return Ok(load_texts(BTreeMap::from([default_contract(name)?]))?);
    }
    Ok(load_protos(&ProtoInput {
        files: args.proto.clone(),
        includes: args.includes.clone(),
    })?)
}

fn draft(args: &ServiceArgs, name: &ServiceName, model: &Model, folder: PathBuf) -> Result<Draft> {
    let full = paths::absolute(&folder)?;
    let dependency = source::find(args.rzero.as_deref(), &full)?;
    let around = workspace::around(&full);
    let joins = args.in_workspace || dependency == Dependency::Workspace;
    let stands_alone = around == Around::Stranger && !joins;
    let owned = scaffold(&Scaffold {
        name,
        model,
        built_in: args.proto.is_empty(),
        dependency: &dependency,
        features: &[],
        own_workspace: stands_alone,
        templates: &BTreeMap::new(),
    })?;
    let generated = generate(model)?.into_iter().map(|file| {
        let path = Path::new(GEN_DIR).join(&file.path);
        (path, file.contents)
    });
    let owned = owned.into_iter().map(|file| (file.path, file.contents));
    Ok(Draft {
        folder,
        files: owned.chain(generated).collect(),
        stands_alone,
    })
}

/// Nothing is written when only one file is in the way.
fn refuse_conflicts(draft: &Draft) -> Result<()> {
    let there: Vec<String> = draft
        .files
        .keys()
        .filter(|path| draft.folder.join(path).symlink_metadata().is_ok())
        .map(|path| path.display().to_string())
        .collect();
    if there.is_empty() {
        return Ok(());
    }
    let more = match there.len().saturating_sub(NAMED_MAX) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let named = there[..there.len().min(NAMED_MAX)].join(", ");
    Err(Failure::input(format!(
        "files are in the way in `{}`: {named}{more}",
        draft.folder.display()
    ))
    .help("name another folder with `--dir`, or overwrite them with `--force`"))
}

fn tell(name: &ServiceName, model: &Model, draft: &Draft, joins: bool, console: &Console) {
    let folder = draft.folder.display();
    if console.is_json() {
        let files: Vec<String> = draft
            .files
            .keys()
            .map(|path| path.display().to_string())
            .collect();
        console.value(&json!({
            "service": name.as_str(),
            "dir": folder.to_string(),
            "files": files,
        }));
        return;
    }
    console.line(format!("service `{}` in {folder}", name.as_str()));
    for path in draft.files.keys() {
        console.line(format!("  {}", path.display()));
    }
    if draft.stands_alone {
        console
            .line("\nIt lies in the folder of a cargo workspace but is not a member of it, so it");
        console.line("declares a workspace of its own; `--in-workspace` leaves that out.");
    } else if joins {
        console.line("\nAdd it to `members` of the workspace around it, if it is not there yet.");
    }
    console.line("\nNext:");
    if draft.folder != Path::new(".") && !draft.folder.as_os_str().is_empty() {
        console.line(format!("  cd {folder}"));
    }
    console
        .line("  cargo run                        # listens, registers; ctrl-c drains and stops");
    if let Some(call) = first_call(model, &name.service()) {
        console.line(format!("  rzctl call {call}   # in another terminal"));
    }
    console.line("  rzctl gen                        # after changing a contract in proto/");
}

/// The arguments of a call that is worth a try.
fn first_call(model: &Model, built_in: &str) -> Option<String> {
    let (service, method) = model
        .services()
        .flat_map(|service| service.methods.iter().map(move |method| (service, method)))
        .find(|(_, method)| method.kind == MethodKind::Unary)?;
    let body = match method.name == "SayHello" && service.name.starts_with(built_in) {
        true => r#"{"name":"Li"}"#,
        false => "{}",
    };
    Some(format!("{}/{} '{body}'", service.full_name, method.name))
}
