//! Where the program keeps its files, and where a project begins.
//!
//! It only names places: a folder is made (mode 0700) by whoever first writes into it, with
//! [`super::files::ensure_dir`]. It does not know what the files hold.

use std::path::{Path, PathBuf};

use directories::{BaseDirs, ProjectDirs};

use super::env::Env;
use super::error::{Context, Error, Kind, Result};
use super::files;

/// The folder a project keeps its definitions in.
pub const PROJECT_DIR: &str = ".factotum";
/// The settings file of a project.
pub const PROJECT_FILE: &str = ".factotum.toml";

/// Every place the program writes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    /// The folder of the user's settings and own definitions.
    pub config: PathBuf,
    /// The user's settings.
    pub config_file: PathBuf,
    /// The user's own commands, trusted from the start.
    pub commands_dir: PathBuf,
    /// The user's own plugins.
    pub plugins_dir: PathBuf,
    /// What must not be lost: the database, the secret file.
    pub data: PathBuf,
    /// What can be fetched or built again: blobs, source layouts, the name index.
    pub cache: PathBuf,
    /// What tells about the past: logs, long outputs of runs.
    pub state: PathBuf,
    /// Sockets. Make it with [`Paths::ensure_runtime`].
    pub runtime: PathBuf,
    /// The one folder that `--home` or `FAC_HOME` named, absolute.
    pub fac_home: Option<PathBuf>,
    /// The user's home folder, where there is one.
    pub user_home: Option<PathBuf>,
}

/// A folder with a `.factotum.toml` or a `.factotum` folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Project {
    /// The folder that holds them.
    pub root: PathBuf,
    /// Its settings, where it has any.
    pub config_file: Option<PathBuf>,
    /// Its definitions, where it has any.
    pub commands_dir: Option<PathBuf>,
}

impl Paths {
    /// The places for this user, or all of them under `home` or `FAC_HOME`.
    ///
    /// Without such a folder the platform's own rules hold (on Linux the XDG variables of the process, read by
    /// `directories`). Fails with [`Kind::Missing`] when the user has no home folder.
    pub fn find(env: &Env, home: Option<&Path>) -> Result<Paths> {
        let named = home.map(Path::to_path_buf).or_else(|| env.path("FAC_HOME"));
        if let Some(dir) = named {
            let dir = std::path::absolute(&dir)
                .context(Kind::Usage, || format!("{} cannot be the home folder", dir.display()))?;
            return Ok(Paths::under(&dir, env.path("HOME")));
        }
        let dirs = ProjectDirs::from("", "", "factotum").ok_or_else(|| {
            Error::new(Kind::Missing, "this user has no home folder").hint("set HOME, or name a folder with --home DIR")
        })?;
        let state = dirs.state_dir().unwrap_or_else(|| dirs.data_local_dir()).to_path_buf();
        Ok(Paths {
            config: dirs.config_dir().to_path_buf(),
            config_file: dirs.config_dir().join("config.toml"),
            commands_dir: dirs.config_dir().join("commands"),
            plugins_dir: dirs.config_dir().join("plugins"),
            data: dirs.data_dir().to_path_buf(),
            cache: dirs.cache_dir().to_path_buf(),
            runtime: dirs.runtime_dir().map_or_else(|| state.join("run"), Path::to_path_buf),
            state,
            fac_home: None,
            user_home: BaseDirs::new().map(|base| base.home_dir().to_path_buf()),
        })
    }

    /// Every place under one absolute folder.
    pub fn under(home: &Path, user_home: Option<PathBuf>) -> Paths {
        let config = home.join("config");
        Paths {
            config_file: config.join("config.toml"),
            commands_dir: config.join("commands"),
            plugins_dir: config.join("plugins"),
            config,
            data: home.join("data"),
            cache: home.join("cache"),
            state: home.join("state"),
            runtime: home.join("run"),
            fac_home: Some(home.to_path_buf()),
            user_home,
        }
    }

    /// The same places with another settings file (`--config FILE`).
    pub fn with_config_file(mut self, file: &Path) -> Result<Paths> {
        self.config_file = std::path::absolute(file)
            .context(Kind::Usage, || format!("{} cannot be the settings file", file.display()))?;
        Ok(self)
    }

    /// Makes the folder for sockets, closed to everybody else, and gives it back.
    pub fn ensure_runtime(&self) -> Result<&Path> {
        files::ensure_private_dir(&self.runtime)?;
        Ok(&self.runtime)
    }

    /// The nearest project at or above `cwd`.
    ///
    /// The search ends before the folder that holds the user's home, and before the root of the file system; the
    /// program's own home folder is never a project, nor does it make its parent one.
    pub fn project(&self, cwd: &Path) -> Option<Project> {
        let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
        let cwd = real(cwd);
        let fac_home = self.fac_home.as_deref().map(real);
        let end = self.user_home.as_deref().map(real).and_then(|home| home.parent().map(Path::to_path_buf));
        cwd.ancestors()
            .take_while(|dir| dir.parent().is_some() && end.as_deref() != Some(*dir))
            .filter(|dir| fac_home.as_deref() != Some(*dir))
            .find_map(|dir| project_at(dir, fac_home.as_deref()))
    }
}

fn project_at(dir: &Path, fac_home: Option<&Path>) -> Option<Project> {
    let file = dir.join(PROJECT_FILE);
    let folder = dir.join(PROJECT_DIR);
    let config_file = file.is_file().then_some(file);
    let has_folder = fac_home != Some(folder.as_path()) && folder.is_dir();
    if config_file.is_none() && !has_folder {
        return None;
    }
    let commands = folder.join("commands");
    let commands_dir = (has_folder && commands.is_dir()).then_some(commands);
    Some(Project { root: dir.to_path_buf(), config_file, commands_dir })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn one_folder_holds_everything_and_the_flag_beats_the_variable() {
        let env = Env::from_pairs([("FAC_HOME", "/var/one"), ("HOME", "/home/u")]);
        let paths = Paths::find(&env, None).unwrap();
        assert_eq!(paths.config_file, Path::new("/var/one/config/config.toml"));
        assert_eq!(paths.commands_dir, Path::new("/var/one/config/commands"));
        assert_eq!(
            [&paths.data, &paths.cache, &paths.state, &paths.runtime].map(|p| p.to_str().unwrap()),
            ["/var/one/data", "/var/one/cache", "/var/one/state", "/var/one/run"]
        );
        assert_eq!(paths.user_home.as_deref(), Some(Path::new("/home/u")));
        let flagged = Paths::find(&env, Some(Path::new("/two"))).unwrap();
        assert_eq!(flagged.data, Path::new("/two/data"));
        let elsewhere = flagged.with_config_file(Path::new("/etc/fac.toml")).unwrap();
        assert_eq!(elsewhere.config_file, Path::new("/etc/fac.toml"));
        assert_eq!(elsewhere.commands_dir, Path::new("/two/config/commands"));
    }

    #[test]
    fn a_relative_home_becomes_absolute() {
        let paths = Paths::find(&Env::default(), Some(Path::new("rel"))).unwrap();
        assert!(paths.data.is_absolute() && paths.data.ends_with("rel/data"));
    }

    #[test]
    fn naming_places_makes_none() {
        let root = tempfile::tempdir().unwrap();
        let home = root.path().join("h");
        let paths = Paths::find(&Env::default(), Some(&home)).unwrap();
        paths.project(root.path());
        assert!(!home.exists());
        assert_eq!(paths.ensure_runtime().unwrap(), home.join("run"));
        assert!(home.join("run").is_dir());
    }

    /// A user's home at `<root>/home/u` and the given folders and files (a name ending in `/` is a folder).
    fn world(names: &[&str]) -> (tempfile::TempDir, PathBuf) {
        let root = tempfile::tempdir().unwrap();
        let base = root.path().canonicalize().unwrap();
        fs::create_dir_all(base.join("home/u")).unwrap();
        for name in names {
            let path = base.join(name);
            if name.ends_with('/') {
                fs::create_dir_all(&path).unwrap();
            } else {
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(&path, "").unwrap();
            }
        }
        (root, base)
    }

    #[test]
    fn the_nearest_project_wins() {
        let (_root, base) =
            world(&["home/u/a/.factotum.toml", "home/u/a/b/.factotum/commands/", "home/u/a/b/c/d/", "home/u/x/"]);
        let paths = Paths::under(&base.join("fac"), Some(base.join("home/u")));
        let near = paths.project(&base.join("home/u/a/b/c/d")).unwrap();
        assert_eq!(near.root, base.join("home/u/a/b"));
        assert_eq!(near.config_file, None);
        assert_eq!(near.commands_dir, Some(base.join("home/u/a/b/.factotum/commands")));
        let upper = paths.project(&base.join("home/u/a")).unwrap();
        assert_eq!(upper.config_file, Some(base.join("home/u/a/.factotum.toml")));
        assert_eq!(upper.commands_dir, None);
        assert_eq!(paths.project(&base.join("home/u/x")), None);
    }

    #[test]
    fn the_search_ends_above_the_users_home() {
        let (_root, base) = world(&["home/.factotum.toml", "home/u/x/", "home/u/.factotum/"]);
        let paths = Paths::under(&base.join("fac"), Some(base.join("home/u")));
        assert_eq!(paths.project(&base.join("home/u/x")).unwrap().root, base.join("home/u"));
        fs::remove_dir(base.join("home/u/.factotum")).unwrap();
        assert_eq!(paths.project(&base.join("home/u/x")), None);
    }

    #[test]
    fn our_own_home_is_no_project() {
        let (_root, base) = world(&["home/u/.factotum/data/", "home/u/.factotum/.factotum.toml", "home/u/x/"]);
        let paths = Paths::under(&base.join("home/u/.factotum"), Some(base.join("home/u")));
        assert_eq!(paths.project(&base.join("home/u/x")), None);
        assert_eq!(paths.project(&base.join("home/u/.factotum/data")), None);
    }

    #[test]
    fn a_file_where_a_folder_belongs_is_no_project() {
        let (_root, base) = world(&["home/u/a/.factotum", "home/u/b/.factotum.toml/"]);
        let paths = Paths::under(&base.join("fac"), Some(base.join("home/u")));
        assert_eq!(paths.project(&base.join("home/u/a")), None);
        assert_eq!(paths.project(&base.join("home/u/b")), None);
    }
}
