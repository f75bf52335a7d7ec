//! Linux: `PATH`, version folders, conda, pixi, system places, references.

use super::super::Source;
use super::*;

#[test]
fn what_is_active_comes_first() {
    let mut machine = Machine::new(Platform::Linux);
    machine.variable("VIRTUAL_ENV", "work/.venv");
    machine.variable("CONDA_PREFIX", "opt2/envs/x");
    machine.check(&["active - prefix work/.venv", "active - prefix opt2/envs/x"]);
    assert_eq!(machine.details(Source::Active)[0], "`VIRTUAL_ENV` names it");
}

#[test]
fn path_has_interpreters_and_no_shims_or_wrappers() {
    let mut machine = Machine::new(Platform::Linux);
    machine.search_path(
        "PATH",
        &["home/me/.pyenv/shims", "tools", "tools", "work/venv/bin", "wrapped", "gone"],
    );
    machine.files(&[
        "home/me/.pyenv/shims/python",
        "tools/python",
        "tools/python3",
        "tools/python3.14t",
        "tools/python2.7",
        "tools/pypy3.10",
        "tools/graalpy",
        "tools/python-config",
        "tools/python3.12-config",
        "tools/python-argcomplete",
        "tools/pythonw",
        "tools/python3.",
        "tools/python3.12.1-x",
        "tools/pytest",
        "tools/python3.9/not-a-file",
        "work/venv/pyvenv.cfg",
    ]);
    machine.file("work/venv/bin/python", "#!/bin/sh\n");
    machine.file("wrapped/python3", "#!/bin/sh\nexec elsewhere\n");
    machine.check(&[
        "path - executable tools/graalpy",
        "path - executable tools/pypy3.10",
        "path - executable tools/python",
        "path - executable tools/python2.7",
        "path - executable tools/python3",
        "path - executable tools/python3.14t",
        "path - executable work/venv/bin/python",
    ]);
}

#[test]
fn pyenv_versions_environments_and_links() {
    let mut machine = Machine::new(Platform::Linux);
    machine.variable("PYENV_ROOT", "pyenv");
    machine.files(&[
        "pyenv/versions/3.12.1/bin/python",
        "pyenv/versions/3.12.1/envs/app/pyvenv.cfg",
        "pyenv/versions/old-style/pyvenv.cfg",
        "pyenv/versions/miniconda3/conda-meta/history",
        "pyenv/versions/miniconda3/envs/data/conda-meta/history",
        "pyenv/versions/.cache/x",
        "pyenv/versions/a-file",
        "pyenv/shims/python",
        "brew/python/bin/python3",
        "home/me/.pyenv/versions/3.9.1/bin/python",
    ]);
    machine.link("pyenv/versions/app", "{root}/pyenv/versions/3.12.1/envs/app");
    machine.link("pyenv/versions/3.12", "3.12.1");
    machine.link("pyenv/versions/brewed", "{root}/brew/python");
    machine.link("pyenv/versions/dangling", "{root}/gone");
    machine.check(&[
        "link: pyenv - prefix pyenv/versions/brewed",
        "pyenv conda-base prefix pyenv/versions/miniconda3",
        "pyenv conda-env children pyenv/versions/miniconda3/envs",
        "pyenv pyenv prefix home/me/.pyenv/versions/3.9.1",
        "link: pyenv pyenv prefix pyenv/versions/3.12",
        "pyenv pyenv prefix pyenv/versions/3.12.1",
        "pyenv pyenv-virtualenv children pyenv/versions/3.12.1/envs",
        "link: pyenv pyenv-virtualenv prefix pyenv/versions/app",
        "pyenv pyenv-virtualenv prefix pyenv/versions/old-style",
    ]);
}

#[test]
fn uv_pythons_tools_and_scripts() {
    let mut machine = Machine::new(Platform::Linux);
    machine.variable("UV_TOOL_DIR", "uv-tools");
    machine.variable("UV_PROJECT_ENVIRONMENT", "ci/env");
    machine.files(&[
        "home/me/.local/share/uv/python/cpython-3.12.1-linux-x86_64-gnu/bin/python3.12",
        "home/me/.local/share/uv/python/cpython-3.8.1-linux/install/bin/python3.8",
        "home/me/.local/share/uv/python/.lock",
        "home/me/.local/share/uv/python/.temp/x/bin/python",
        "home/me/.cache/uv/environments-v2/script-0123/pyvenv.cfg",
        "home/me/.cache/uv/archive-v0/x/pyvenv.cfg",
        "uv-tools/ruff/pyvenv.cfg",
    ]);
    machine.check(&[
        "uv - prefix ci/env",
        "uv uv-managed prefix home/me/.local/share/uv/python/cpython-3.12.1-linux-x86_64-gnu",
        "uv uv-managed prefix home/me/.local/share/uv/python/cpython-3.8.1-linux/install",
        "uv uv-script children home/me/.cache/uv/environments-v2",
        "uv uv-tool children uv-tools",
    ]);
}

#[test]
fn conda_roots_lists_and_settings() {
    let mut machine = Machine::new(Platform::Linux);
    machine.variable("CONDA_EXE", "data/forge/bin/conda");
    machine.variable("MAMBA_EXE", "home/me/.local/bin/micromamba");
    machine.search_path("CONDA_ENVS_PATH", &["shared/envs"]);
    machine.files(&[
        "home/me/miniforge3/conda-meta/history",
        "home/me/miniforge3/condabin/conda",
        "home/me/miniforge3/envs/a/conda-meta/history",
        "home/me/miniforge3/pkgs/python-3.12.0/bin/python",
        "home/me/micromamba/envs/b/conda-meta/history",
        "home/me/miniconda-notes/readme",
        "home/me/condaproject/conda-meta/history",
        "opt/conda/conda-meta/history",
        "opt/conda/pkgs/x",
        "data/forge/conda-meta/history",
        "data/forge/condabin/conda",
        "home/me/.local/bin/micromamba",
        "home/me/.conda/envs/user/conda-meta/history",
    ]);
    machine
        .file("home/me/.conda/environments.txt", "{root}/listed\r\n\n{root}/deleted\nrelative\n");
    machine.file("home/me/.condarc", "envs_dirs:\n  - ~/named\n  - $UNSET/x\n  - relative\n");
    machine.file("etc/conda/condarc.d/site.yml", "envs_dirs: [\"{root}/site envs\"]\n");
    machine.file("etc/conda/condarc.d/readme.txt", "envs_dirs: [\"{root}/no\"]\n");
    machine.check(&[
        "conda - prefix deleted",
        "conda - prefix listed",
        "conda conda-base prefix data/forge",
        "conda conda-base prefix home/me/miniforge3",
        "conda conda-base prefix opt/conda",
        "conda conda-env children home/me/.conda/envs",
        "conda conda-env children home/me/micromamba/envs",
        "conda conda-env children home/me/miniforge3/envs",
        "conda conda-env children home/me/named",
        "conda conda-env children shared/envs",
        "conda conda-env children site envs",
        // The folder of applications names it as well.
        "system - prefix opt/conda",
    ]);
    let detail = machine.details(Source::Conda)[0].replace('\\', "/");
    assert_eq!(detail, "`~/.conda/environments.txt` lists it");
}

#[test]
fn an_active_conda_environment_leads_to_its_root() {
    let mut machine = Machine::new(Platform::Linux);
    machine.variable("CONDA_PREFIX", "data/forge/envs/x");
    machine.variable("CONDA_PREFIX_1", "data/other");
    machine.files(&[
        "data/forge/conda-meta/history",
        "data/forge/envs/x/conda-meta/history",
        "data/other/conda-meta/history",
    ]);
    machine.check(&[
        "active - prefix data/forge/envs/x",
        "conda conda-base prefix data/forge",
        "conda conda-env children data/forge/envs",
    ]);
}

#[test]
fn pixi_global_detached_and_cached() {
    let machine = Machine::new(Platform::Linux);
    machine.files(&[
        "home/me/.pixi/envs/ipython/conda-meta/history",
        "home/me/.cache/rattler/cache/envs/shop-123/envs/default/conda-meta/pixi",
        "home/me/.cache/rattler/cache/cached-envs-v0/abc/conda-meta/history",
        "big/pixi/shop-456/envs/default/conda-meta/pixi",
    ]);
    machine.file("home/me/.config/pixi/config.toml", "detached-environments = \"{root}/big/pixi\"");
    machine.file("home/me/.pixi/config.toml", "detached-environments = true");
    machine.check(&[
        "pixi pixi children big/pixi/shop-456/envs",
        "pixi pixi children home/me/.cache/rattler/cache/cached-envs-v0",
        "pixi pixi children home/me/.cache/rattler/cache/envs/shop-123/envs",
        "pixi pixi children home/me/.pixi/envs",
    ]);
}

#[test]
fn system_places() {
    let machine = Machine::new(Platform::Linux);
    machine.files(&[
        "usr/bin/python3.11",
        "usr/bin/python3.11-config",
        "usr/lib/pypy3/bin/pypy3",
        "usr/local/bin/python3.9",
        "opt/python/cp310-cp310/bin/python",
        "opt/python3.8/bin/python3.8",
        "opt/app/venv/pyvenv.cfg",
        "opt/tool/bin/tool",
        "opt/venvs/one/pyvenv.cfg",
        "app/.venv/pyvenv.cfg",
        "venv/pyvenv.cfg",
        "usr/local/python3.7/bin/python3.7",
        "usr/local/python/3.12.1/bin/python3.12",
        "usr/local/python-notes/readme",
        "opt/agent/embedded/bin/python3",
        "opt/ruby/embedded/bin/ruby",
        "opt/rh/rh-python38/root/usr/bin/python3",
        "srv/shop/.venv/pyvenv.cfg",
        "snap/app/42/usr/bin/python3.10",
        "nix/var/nix/profiles/default/bin/python3",
        "usr/lib/google-cloud-sdk/platform/bundledpythonunix/bin/python3",
        "elsewhere/bin/python3.13",
    ]);
    machine.link("usr/bin/python3", "python3.11");
    machine.link("usr/bin/pypy3", "../lib/pypy3/bin/pypy3");
    machine.link("usr/bin/python", "/etc/alternatives/python");
    machine.link("usr/local/bin/python3.13", "{root}/elsewhere/bin/python3.13");
    machine.link("bin", "usr/bin");
    machine.link("snap/app/current", "42");
    machine.check(&[
        "system - children opt/python",
        "system - children opt/venvs",
        "system - executable nix/var/nix/profiles/default/bin/python3",
        "link: system - executable usr/bin/python",
        "link: system - executable usr/local/bin/python3.13",
        "system - prefix app/.venv",
        "system - prefix opt/app/venv",
        "system - prefix usr/local/python/3.12.1",
        "system - prefix usr/local/python3.7",
        "system - prefix venv",
        "system - prefix opt/python3.8",
        "system - prefix opt/rh/rh-python38/root/usr",
        "system - prefix srv/shop/.venv",
        "link: system embedded executable snap/app/current/usr/bin/python3.10",
        "system embedded prefix opt/agent/embedded",
        "system embedded prefix usr/lib/google-cloud-sdk/platform/bundledpythonunix",
        "link: system system executable usr/bin/pypy3",
        "link: system system executable usr/bin/python3",
        "system system executable usr/bin/python3.11",
        "system system executable usr/local/bin/python3.9",
    ]);
}

#[test]
fn linuxbrew_kegs_links_and_programs() {
    let machine = Machine::new(Platform::Linux);
    let brew = "home/linuxbrew/.linuxbrew";
    machine.files(&[
        "home/linuxbrew/.linuxbrew/Cellar/python@3.12/3.12.1/bin/python3.12",
        "home/linuxbrew/.linuxbrew/Cellar/awscli/2.15.0/libexec/pyvenv.cfg",
        "home/linuxbrew/.linuxbrew/Cellar/wget/1.2/bin/wget",
    ]);
    machine.link(&format!("{brew}/bin/python3.12"), "../Cellar/python@3.12/3.12.1/bin/python3.12");
    machine.link(&format!("{brew}/opt/python@3.12"), "../Cellar/python@3.12/3.12.1");
    machine.check(&[
        "link: homebrew homebrew executable home/linuxbrew/.linuxbrew/bin/python3.12",
        "homebrew homebrew prefix home/linuxbrew/.linuxbrew/Cellar/awscli/2.15.0/libexec",
        "homebrew homebrew prefix home/linuxbrew/.linuxbrew/Cellar/python@3.12/3.12.1",
        "link: homebrew homebrew prefix home/linuxbrew/.linuxbrew/opt/python@3.12",
    ]);
}

#[test]
fn references_by_scripts_kernels_settings_and_units() {
    let machine = Machine::new(Platform::Linux);
    machine.file("home/me/.local/bin/app", "#!{root}/srv2/app/bin/python\n");
    machine.file("home/me/.local/bin/app2", "#!{root}/srv2/app/bin/python\n");
    machine.file("home/me/.local/bin/sh", "#!/bin/sh\n'''exec' \"{root}/a b/bin/python3\" x\n");
    machine.file("home/me/.local/bin/env", "#!/usr/bin/env python3\n");
    machine.file("home/me/.local/bin/elf", "\u{7f}ELF");
    machine.file(
        "home/me/.local/share/jupyter/kernels/work/kernel.json",
        r#"{"argv": ["{root}/kernels/bin/python3.11", "-m", "ipykernel_launcher"]}"#,
    );
    machine.file("usr/share/jupyter/kernels/ir/kernel.json", r#"{"argv": ["/usr/bin/R"]}"#);
    machine.file("usr/share/jupyter/kernels/py/kernel.json", r#"{"argv": ["python3"]}"#);
    machine.file(
        "home/me/.config/Code/User/settings.json",
        "{ // mine\n \"python.venvPath\": \"~/py\",\n \"python.venvFolders\": [\"more\",],\n \
         \"python.defaultInterpreterPath\": \"{root}/chosen/bin/python\",\n}",
    );
    machine.file(
        "home/me/.config/JetBrains/PyCharm2024.3/options/jdk.table.xml",
        r#"<jdk version="2"><name value="Python 3.12"/><type value="Python SDK"/>
           <homePath value="$USER_HOME$/charm/bin/python"/></jdk>
           <jdk version="2"><type value="JavaSDK"/><homePath value="/usr/lib/jvm"/></jdk>
           <jdk version="2"><type value="Python SDK"/><homePath value="ssh://host/bin/python"/></jdk>"#,
    );
    machine.file("web/bin/gunicorn", "#!{root}/web/bin/python\n");
    machine.file(
        "etc/systemd/system/shop.service",
        "[Service]\nExecStartPre=-/bin/true\nExecStart={root}/web/bin/gunicorn \\\n  app:app\n",
    );
    machine.file(
        "etc/systemd/system/shop.service.d/override.conf",
        "Environment=A=1 \"VIRTUAL_ENV={root}/unit env\"\n",
    );
    machine.file(
        "home/me/.config/systemd/user/job.service",
        "ExecStart=@/usr/bin/nice -n 5 %h/job/bin/python3 -m job\n",
    );
    machine.check(&[
        "editor - children home/me/more",
        "editor - children home/me/py",
        "editor - executable chosen/bin/python",
        "editor - executable home/me/charm/bin/python",
        "kernelspec - executable kernels/bin/python3.11",
        "shebang - executable a b/bin/python3",
        "shebang - executable srv2/app/bin/python",
        "unit - executable home/me/job/bin/python3",
        "unit - executable web/bin/python",
        "unit - prefix unit env",
    ]);
    let detail = machine.details(Source::Shebang)[0].replace('\\', "/");
    assert_eq!(detail, "`~/.local/bin/app` starts with it");
}

#[test]
fn files_that_cannot_be_read_are_problems_and_missing_ones_are_not() {
    let machine = Machine::new(Platform::Linux);
    std::fs::create_dir_all(machine.path("home/me/.conda/environments.txt")).unwrap();
    std::fs::write(machine.path("home/me/.condarc"), b"envs_dirs:\n  - /\xff\n").unwrap();
    machine.file("home/me/.config/Code/User/settings.json", "{ not json");
    machine.file("home/me/.config/VSCodium/User/settings.json", "\n");
    machine.file("home/me/.config/pypoetry/config.toml", "cache-dir = ");
    machine.file("usr/share/jupyter/kernels/x/kernel.json", &"[".repeat(100_000));
    let leads = sources(&machine.host);
    machine.compare(&leads, &[]);
    let mut problems: Vec<String> =
        leads.problems.iter().map(|problem| below_root(&machine.host, &problem.path)).collect();
    problems.sort();
    assert_eq!(
        problems,
        [
            "home/me/.conda/environments.txt",
            "home/me/.condarc",
            "home/me/.config/Code/User/settings.json",
            "home/me/.config/pypoetry/config.toml",
            "usr/share/jupyter/kernels/x/kernel.json",
        ]
    );
    assert!(leads.problems[0].message.contains("is a folder"), "{:?}", leads.problems[0]);
}

// Not on Windows: no folder holds a fifo, and a link takes a right that users lack.
#[cfg(unix)]
#[test]
fn fifos_and_cycles_do_not_hold_it_up() {
    let machine = Machine::new(Platform::Linux);
    for place in [".conda/environments.txt", ".condarc", ".local/bin/fifo", ".local/share/hatch/x"]
    {
        let path = machine.host.home.as_ref().unwrap().join(place);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
        assert!(made.success());
    }
    machine.link("home/me/.local/share/hatch/env/virtual/loop", ".");
    machine.link("home/me/.pyenv/versions/loop", "loop");
    machine.link("home/me/miniforge3", "miniforge3");
    let leads = sources(&machine.host);
    machine.compare(&leads, &["pyenv pyenv prefix home/me/.pyenv/versions/loop"]);
    assert_eq!(leads.problems.len(), 2, "{:?}", leads.problems);
}
