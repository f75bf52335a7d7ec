//! macOS: frameworks, Homebrew, and the stores' places below `~/Library`.

use super::*;

#[test]
fn frameworks_and_developer_tools() {
    let mut machine = Machine::new(Platform::MacOs);
    machine.search_path("PATH", &["usr/bin", "usr/local/bin"]);
    let framework = "Library/Frameworks/Python.framework/Versions/3.12";
    machine.files(&[
        "usr/bin/python3",
        "Library/Frameworks/Python.framework/Versions/3.12/bin/python3.12",
        "Library/Frameworks/PythonT.framework/Versions/3.14/bin/python3.14t",
        "Library/Frameworks/Mono.framework/Versions/6/bin/mono",
        "Library/Developer/CommandLineTools/Library/Frameworks/Python3.framework/Versions/3.9/x",
        "Applications/Xcode-15.app/Contents/Developer/Library/Frameworks/Python3.framework/Versions/3.9/x",
        "System/Library/Frameworks/Python.framework/Versions/2.7/bin/python",
        "opt/local/Library/Frameworks/Python.framework/Versions/3.11/bin/python3.11",
        "Applications/Blender.app/Contents/Resources/4.1/python/bin/python3.11",
        "usr/local/bin/python3.10",
    ]);
    machine.link("Library/Frameworks/Python.framework/Versions/Current", "3.12");
    machine.link("usr/local/bin/python3.12", &format!("{{root}}/{framework}/bin/python3.12"));
    machine.check(&[
        "path - executable usr/local/bin/python3.10",
        "link: path - executable usr/local/bin/python3.12",
        "link: system - executable usr/local/bin/python3.12",
        "system - prefix opt/local/Library/Frameworks/Python.framework/Versions/3.11",
        "system command-line-tools prefix Library/Developer/CommandLineTools/Library/Frameworks/Python3.framework/Versions/3.9",
        "system embedded prefix Applications/Blender.app/Contents/Resources/4.1/python",
        "system python-org prefix Library/Frameworks/Python.framework/Versions/3.12",
        "system python-org prefix Library/Frameworks/PythonT.framework/Versions/3.14",
        "system system executable usr/local/bin/python3.10",
        "system system prefix System/Library/Frameworks/Python.framework/Versions/2.7",
        "system xcode prefix Applications/Xcode-15.app/Contents/Developer/Library/Frameworks/Python3.framework/Versions/3.9",
    ]);
}

#[test]
fn homebrew_has_frameworks_in_kegs() {
    let machine = Machine::new(Platform::MacOs);
    let keg = "opt/homebrew/Cellar/python@3.12/3.12.1";
    let version = "Frameworks/Python.framework/Versions/3.12";
    machine.files(&[
        &format!("{keg}/{version}/bin/python3.12"),
        "opt/homebrew/Cellar/pypy3.10/7.3.17/libexec/bin/pypy3.10",
        "opt/homebrew/Caskroom/miniforge/base/conda-meta/history",
        "opt/homebrew/Caskroom/miniforge/base/condabin/conda",
    ]);
    machine.link(&format!("{keg}/{version}/../Current"), "3.12");
    machine.link(&format!("{keg}/bin/python3.12"), &format!("../{version}/bin/python3.12"));
    machine.link("opt/homebrew/Cellar/pypy3.10/7.3.17/bin/pypy3.10", "../libexec/bin/pypy3.10");
    machine.link("opt/homebrew/opt/python@3.12", "../Cellar/python@3.12/3.12.1");
    machine.link("opt/homebrew/bin/python3.12", "../Cellar/python@3.12/3.12.1/bin/python3.12");
    machine.check(&[
        "conda conda-base prefix opt/homebrew/Caskroom/miniforge/base",
        "link: homebrew homebrew executable opt/homebrew/bin/python3.12",
        "homebrew homebrew prefix opt/homebrew/Cellar/pypy3.10/7.3.17/libexec",
        "homebrew homebrew prefix opt/homebrew/Cellar/python@3.12/3.12.1/Frameworks/Python.framework/Versions/3.12",
        "link: homebrew homebrew prefix opt/homebrew/opt/python@3.12/Frameworks/Python.framework/Versions/3.12",
        // What is below `/opt` and has interpreters is no application of its own on macOS.
    ]);
}

#[test]
fn stores_below_library() {
    let machine = Machine::new(Platform::MacOs);
    machine.files(&[
        "Users/me/Library/Caches/pypoetry/virtualenvs/a/pyvenv.cfg",
        "Users/me/Library/Application Support/hatch/env/virtual/a/b/c/pyvenv.cfg",
        "Users/me/Library/Application Support/pdm/venvs/a/pyvenv.cfg",
        "Users/me/Library/Application Support/pipx/venvs/a/pyvenv.cfg",
        "Users/me/Library/Application Support/uv/tools/a/pyvenv.cfg",
        "Users/me/.local/share/uv/python/cpython-3.12.1-macos-aarch64-none/bin/python",
        "Users/me/.local/share/uv/tools/b/pyvenv.cfg",
        "Users/me/.cache/uv/environments-v2/x/pyvenv.cfg",
        "Users/me/Library/Caches/rattler/cache/envs/shop-1/envs/default/conda-meta/pixi",
        "Users/me/opt/anaconda3/conda-meta/history",
        "Users/me/opt/anaconda3/pkgs/x",
    ]);
    machine.file(
        "Users/me/Library/Jupyter/kernels/a/kernel.json",
        r#"{"argv": ["{root}/k/bin/python3"]}"#,
    );
    machine.file(
        "Users/me/Library/Application Support/Cursor/User/settings.json",
        r#"{"python.pythonPath": "{root}/c/bin/python3"}"#,
    );
    machine.check(&[
        "conda conda-base prefix Users/me/opt/anaconda3",
        "editor - executable c/bin/python3",
        "kernelspec - executable k/bin/python3",
        "pixi pixi children Users/me/Library/Caches/rattler/cache/envs/shop-1/envs",
        "store hatch prefix Users/me/Library/Application Support/hatch/env/virtual/a/b/c",
        "store pdm children Users/me/Library/Application Support/pdm/venvs",
        "store pipx children Users/me/Library/Application Support/pipx/venvs",
        "store poetry children Users/me/Library/Caches/pypoetry/virtualenvs",
        "uv uv-managed prefix Users/me/.local/share/uv/python/cpython-3.12.1-macos-aarch64-none",
        "uv uv-script children Users/me/.cache/uv/environments-v2",
        "uv uv-tool children Users/me/.local/share/uv/tools",
        "uv uv-tool children Users/me/Library/Application Support/uv/tools",
    ]);
}
