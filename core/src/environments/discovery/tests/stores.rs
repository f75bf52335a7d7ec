//! Stores of environments and installers of Pythons, with the defaults of Linux and by variables.

use super::*;

#[test]
fn poetry_caches_pythons_and_settings() {
    let mut machine = Machine::new(Platform::Linux);
    machine.variable("POETRY_VIRTUALENVS_PATH", "poetry/envs");
    machine.files(&[
        "poetry/envs/shop-AbC-py3.12/pyvenv.cfg",
        "home/me/.cache/pypoetry/virtualenvs/shop-AbC-py3.12/pyvenv.cfg",
        "home/me/.local/share/pypoetry/venv/pyvenv.cfg",
        "home/me/.local/share/pypoetry/python/cpython@3.12.1/bin/python",
        "cache2/virtualenvs/x/pyvenv.cfg",
    ]);
    machine.file(
        "home/me/.config/pypoetry/config.toml",
        "cache-dir = \"{root}/cache2\"\n[virtualenvs]\npath = \"{cache-dir}/virtualenvs\"\n",
    );
    machine.check(&[
        "installer poetry prefix home/me/.local/share/pypoetry/python/cpython@3.12.1",
        "store - prefix home/me/.local/share/pypoetry/venv",
        "store poetry children cache2/virtualenvs",
        "store poetry children home/me/.cache/pypoetry/virtualenvs",
        "store poetry children poetry/envs",
    ]);
}

#[test]
fn pipenv_and_virtualenvwrapper_share_a_folder() {
    let mut machine = Machine::new(Platform::Linux);
    machine.variable("WORKON_HOME", "work");
    machine.files(&[
        "work/initialize",
        "work/plain/pyvenv.cfg",
        "work/web-frontend/pyvenv.cfg",
        "work/gone-AbCdEfGh/pyvenv.cfg",
        "home/me/.local/share/virtualenvs/any/pyvenv.cfg",
        "home/me/.virtualenvs/one/pyvenv.cfg",
    ]);
    // The hash of `/projects/shop111/Pipfile`, one of the few without a capital letter.
    for name in ["work/shop-n8br-n2w", "work/shop-n8br-n2w-3.11"] {
        machine.file(&format!("{name}/.project"), "/projects/shop111\n");
    }
    machine.file("work/web-frontend/.project", "/projects/web\n");
    machine.file("work/gone-AbCdEfGh/.project", "/projects/moved\n");
    machine.check(&[
        "store pipenv prefix home/me/.local/share/virtualenvs/any",
        "store pipenv prefix work/gone-AbCdEfGh",
        "store pipenv prefix work/shop-n8br-n2w",
        "store pipenv prefix work/shop-n8br-n2w-3.11",
        "store virtualenvwrapper prefix home/me/.virtualenvs/one",
        "store virtualenvwrapper prefix work/plain",
        "store virtualenvwrapper prefix work/web-frontend",
    ]);
}

#[test]
fn tools_with_a_store_of_their_own() {
    let machine = Machine::new(Platform::Linux);
    machine.files(&[
        "home/me/.local/share/hatch/env/virtual/shop/AbCd/shop/pyvenv.cfg",
        // Without its marker, and without a hash in between.
        "home/me/.local/share/hatch/env/virtual/shop/lint/bin/python",
        "home/me/.local/share/hatch/env/.internal/hatch-test.py/x/pyvenv.cfg",
        "home/me/.local/share/pdm/venvs/shop-AbC-3.12/pyvenv.cfg",
        "home/me/.local/share/pipx/venvs/black/pyvenv.cfg",
        "home/me/.local/share/pipx/shared/pyvenv.cfg",
        "home/me/.local/pipx/.cache/0123/pyvenv.cfg",
        "opt/pipx/venvs/ruff/pyvenv.cfg",
        "home/me/.cache/pre-commit/repoabc/py_env-python3/pyvenv.cfg",
        "home/me/.cache/pre-commit/repoabc/node_env-x/bin/node",
        "home/me/.cache/prek/hooks/python-AbC/pyvenv.cfg",
        "home/me/.rye/tools/ruff/pyvenv.cfg",
        "home/me/envs/one/pyvenv.cfg",
        "home/me/.venv/pyvenv.cfg",
    ]);
    machine.check(&[
        "store - children home/me/envs",
        "store - prefix home/me/.venv",
        "store hatch prefix home/me/.local/share/hatch/env/.internal/hatch-test.py/x",
        "store hatch prefix home/me/.local/share/hatch/env/virtual/shop/AbCd/shop",
        "store hatch prefix home/me/.local/share/hatch/env/virtual/shop/lint",
        "store pdm children home/me/.local/share/pdm/venvs",
        "store pipx children home/me/.local/pipx/.cache",
        "store pipx children home/me/.local/share/pipx/venvs",
        "store pipx children opt/pipx/venvs",
        "store pipx prefix home/me/.local/share/pipx/shared",
        "store pre-commit prefix home/me/.cache/pre-commit/repoabc/py_env-python3",
        "store pre-commit prefix home/me/.cache/prek/hooks/python-AbC",
        "store rye children home/me/.rye/tools",
    ]);
}

#[test]
fn installers_of_pythons() {
    let mut machine = Machine::new(Platform::Linux);
    machine.variable("ASDF_DATA_DIR", "asdf");
    machine.variable("RUNNER_TOOL_CACHE", "toolcache");
    machine.files(&[
        "home/me/.local/share/mise/installs/python/3.13.0/bin/python",
        "home/me/.local/share/mise/installs/pipx-black/24.1.0/venvs/black/pyvenv.cfg",
        "home/me/.local/share/mise/installs/node/20/bin/node",
        "home/me/.local/share/mise/shims/python",
        "asdf/installs/python/3.10.1/bin/python",
        "asdf/shims/python",
        "home/me/.rye/py/cpython@3.12.1/bin/python",
        "home/me/.rye/py/cpython@3.8.1/install/bin/python",
        "home/me/.local/share/hatch/pythons/3.12/python/bin/python3",
        "home/me/.local/share/pdm/python/cpython@3.11.1/bin/python",
        "home/me/.proto/tools/python/3.12.2/bin/python",
        "toolcache/Python/3.12.1/x64/bin/python",
        "usr2/bin/python3.7",
    ]);
    machine.link("home/me/.local/share/mise/installs/python/3", "./3.13.0");
    machine.link("home/me/.local/share/mise/installs/python/system", "{root}/usr2");
    machine.link("home/me/.rye/py/cpython@3.7.1", "{root}/usr2/bin/python3.7");
    machine.check(&[
        "link: installer - executable home/me/.rye/py/cpython@3.7.1",
        "installer - prefix home/me/.local/share/mise/installs/pipx-black/24.1.0/venvs/black",
        "link: installer - prefix home/me/.local/share/mise/installs/python/system",
        "installer - prefix home/me/.proto/tools/python/3.12.2",
        "installer - prefix toolcache/Python/3.12.1/x64",
        "installer asdf prefix asdf/installs/python/3.10.1",
        "installer hatch prefix home/me/.local/share/hatch/pythons/3.12/python",
        "link: installer mise prefix home/me/.local/share/mise/installs/python/3",
        "installer mise prefix home/me/.local/share/mise/installs/python/3.13.0",
        "installer pdm prefix home/me/.local/share/pdm/python/cpython@3.11.1",
        "installer rye prefix home/me/.rye/py/cpython@3.12.1",
        "installer rye prefix home/me/.rye/py/cpython@3.8.1/install",
    ]);
}
