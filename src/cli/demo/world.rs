//! The world in which the demonstration plays: a folder of its own that goes with it, and an environment in which nothing
//! of the person's own can be reached.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use include_dir::{Dir, DirEntry, include_dir};
use tempfile::TempDir;

use crate::exec::{Input, Job, Output};
use crate::kernel::env::Env;
use crate::kernel::error::{Context, Error, Kind, Result};
use crate::kernel::files;

static SAMPLES: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/assets/demo");

/// The file that would be there if an argument had ever been taken for code.
pub(super) const CANARY: &str = "PWNED";

/// What programs need to find others and to write in the person's script and colours; nothing else is passed on.
const PASSED_ON: [&str; 9] =
    ["PATH", "TERM", "COLORTERM", "NO_COLOR", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "FAC_TEST_CLOCK"];

/// How long one step may take. All of them together take seconds.
const LONGEST: std::time::Duration = std::time::Duration::from_secs(30);

/// A home, a project to stand in, and the variables of everything that is started there. Dropped, it is gone.
pub(super) struct World {
    root: TempDir,
    program: PathBuf,
    env: Vec<(OsString, OsString)>,
}

impl World {
    /// Makes it, with the samples in it.
    ///
    /// # Errors
    /// `Failed` where there is no room for temporary files.
    pub(super) fn new(env: &Env, colour: bool) -> Result<World> {
        let program = std::env::current_exe().context(Kind::Failed, || "cannot find this very program".to_string())?;
        let above = env.path("TMPDIR").unwrap_or_else(|| PathBuf::from("/tmp"));
        let above = std::path::absolute(&above).unwrap_or(above);
        let root = tempfile::Builder::new().prefix("fac-demo-").tempdir_in(&above);
        let root = root.map_err(|error| {
            let said = format!("cannot make a temporary folder in {}", above.display());
            Error::new(Kind::Failed, said).because(error).hint("TMPDIR names another place")
        })?;
        let mut world = World { root, program, env: Vec::new() };
        world.env = world.variables(env, colour);
        for folder in [world.home(), world.project()] {
            files::ensure_dir(&folder)?;
        }
        unpack(&SAMPLES, &world.project())?;
        Ok(world)
    }

    fn variables(&self, env: &Env, colour: bool) -> Vec<(OsString, OsString)> {
        let passed = PASSED_ON.iter().filter_map(|name| Some((OsString::from(name), env.os(name)?.to_owned())));
        let own: [(&str, OsString); 7] = [
            ("HOME", self.home().into()),
            ("FAC_HOME", self.root.path().join("fac").into()),
            ("TMPDIR", self.root.path().into()),
            ("FAC_COLOR", if colour { "always" } else { "never" }.into()),
            ("FAC_LOCAL_MODELS", "false".into()),
            ("PAGER", "cat".into()),
            ("GIT_CONFIG_NOSYSTEM", "1".into()),
        ];
        passed.chain(own.map(|(name, value)| (name.into(), value))).collect()
    }

    fn home(&self) -> PathBuf {
        self.root.path().join("home")
    }

    fn project(&self) -> PathBuf {
        self.root.path().join("project")
    }

    /// A command line as a program to start here: `fac` is this very program, and no shell stands between.
    pub(super) fn job(&self, line: &str, output: Output) -> Result<Job> {
        let odd = || Error::new(Kind::Failed, format!("`{line}` is no command line"));
        let mut words = shlex::split(line).ok_or_else(odd)?.into_iter();
        let program = words.next().ok_or_else(odd)?;
        let program = if program == "fac" { self.program.clone().into() } else { OsString::from(program) };
        let mut job = Job::new(program, self.project());
        job.args = words.map(OsString::from).collect();
        job.env = self.env.clone();
        (job.stdin, job.output) = (Input::Null, output);
        job.apart = output == Output::Pipes;
        job.timeout = Some(LONGEST);
        Ok(job)
    }

    /// Whether something ran that came in as an argument.
    pub(super) fn is_harmed(&self) -> bool {
        [self.project(), self.home()].iter().any(|folder| folder.join(CANARY).exists())
    }
}

fn unpack(dir: &Dir<'_>, into: &Path) -> Result<()> {
    for entry in dir.entries() {
        let path = into.join(entry.path());
        match entry {
            DirEntry::Dir(dir) => {
                files::ensure_dir(&path)?;
                unpack(dir, into)?;
            }
            DirEntry::File(file) => files::write_atomic(&path, file.contents(), false)?,
        }
    }
    Ok(())
}
