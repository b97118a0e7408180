//! Names of variables that decide which code a program loads or runs: no argument may be called so.
//!
//! Dialects that keep a parameter's name as it was written (mask, xc, runme) could otherwise turn a value into code.

/// Names as they stand.
const NAMES: [&str; 38] = [
    "PATH",
    "IFS",
    "ENV",
    "BASH_ENV",
    "SHELLOPTS",
    "BASHOPTS",
    "PS4",
    "PROMPT_COMMAND",
    "CDPATH",
    "GLOBIGNORE",
    "ZDOTDIR",
    "HOME",
    "SHELL",
    "TMPDIR",
    "PAGER",
    "MANPAGER",
    "EDITOR",
    "VISUAL",
    "BROWSER",
    "LESSOPEN",
    "LESSCLOSE",
    "MAKEFLAGS",
    "MAKEFILES",
    "NODE_OPTIONS",
    "NODE_PATH",
    "RUBYOPT",
    "RUBYLIB",
    "JAVA_TOOL_OPTIONS",
    "JDK_JAVA_OPTIONS",
    "CLASSPATH",
    "PHPRC",
    "PHP_INI_SCAN_DIR",
    "SSH_ASKPASS",
    "SUDO_ASKPASS",
    "RUSTC_WRAPPER",
    "CC",
    "CXX",
    "LOCPATH",
];

/// Beginnings of names.
const BEGINNINGS: [&str; 10] =
    ["LD_", "DYLD_", "FAC_", "GIT_", "PYTHON", "PERL5", "BASH_FUNC_", "GCONV_", "CARGO_", "npm_config_"];

/// Whether a variable of this name changes how programs start.
pub(super) fn changes_programs(var: &str) -> bool {
    NAMES.contains(&var) || BEGINNINGS.iter().any(|beginning| var.starts_with(beginning))
}

#[cfg(test)]
mod tests {
    use super::changes_programs;

    #[test]
    fn what_loads_code_is_refused_and_ordinary_names_are_not() {
        for bad in ["PATH", "LD_PRELOAD", "BASH_ENV", "PYTHONPATH", "NODE_OPTIONS", "GIT_SSH_COMMAND", "BASH_FUNC_x%%"]
        {
            assert!(changes_programs(bad), "{bad}");
        }
        for good in ["path", "VERSION", "maskfile_command", "pager", "PORT", "python_version"] {
            assert!(!changes_programs(good), "{good}");
        }
    }
}
