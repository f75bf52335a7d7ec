//! Windows: the registry, the Store, installers' folders, and the stores' places below `AppData`.

use super::*;

const CORE: &str = r"Software\Python\PythonCore";

#[test]
fn registry_keys_of_all_hives() {
    let mut machine = Machine::new(Platform::Windows);
    let install = |tag: &str| format!(r"{CORE}\{tag}\InstallPath");
    machine.key(Hive::CurrentUser, &install("3.12"), "", "C/py312");
    machine.key(Hive::CurrentUser, &install("3.12"), "ExecutablePath", "C/py312/python.exe");
    // No `ExecutablePath`, as before Python 3.5.
    machine.key(Hive::LocalMachine32, &install("2.7"), "", "C/py27-32");
    // No folder.
    machine.key(Hive::LocalMachine64, &install("3.9"), "ExecutablePath", "C/x/bin/python.exe");
    machine.key(
        Hive::LocalMachine64,
        r"Software\Python\Astral\CPython3.13.0\InstallPath",
        "",
        "C/uv/cpython",
    );
    machine.key(
        Hive::CurrentUser,
        r"Software\Python\ContinuumAnalytics\Anaconda310-64\InstallPath",
        "",
        "C/conda",
    );
    machine.key(Hive::LocalMachine64, r"Software\Python\PyLauncher\x\InstallPath", "", "C/no");
    machine.check(&[
        "registry - prefix C/conda",
        "registry uv-managed prefix C/uv/cpython",
        "registry windows-registry executable C/x/bin/python.exe",
        "registry windows-registry prefix C/py27-32",
        "registry windows-registry prefix C/py312",
    ]);
    assert_eq!(
        machine.details(super::super::Source::Registry)[1],
        r"the registry key `HKCU\Software\Python\PythonCore\3.12` names it"
    );
}

#[test]
fn store_packages_and_not_their_aliases() {
    let mut machine = Machine::new(Platform::Windows);
    machine.search_path("PATH", &["C/Users/me/AppData/Local/Microsoft/WindowsApps"]);
    let package = "PythonSoftwareFoundation.Python.3.12_3.12.1264.0_x64__qbz5n2kfra8p0";
    let packages = r"Software\Classes\Local Settings\Software\Microsoft\Windows\CurrentVersion\AppModel\Repository\Packages";
    let folder = format!("C/Program Files/WindowsApps/{package}");
    machine.key(Hive::CurrentUser, &format!(r"{packages}\{package}"), "PackageRootFolder", &folder);
    machine.key(
        Hive::CurrentUser,
        &format!(r"{packages}\PythonSoftwareFoundation.PythonManager_25.0_x64__x"),
        "PackageRootFolder",
        "C/Program Files/WindowsApps/PythonSoftwareFoundation.PythonManager_25.0_x64__x",
    );
    let alias = "C/Users/me/AppData/Local/Microsoft/WindowsApps/python.exe";
    machine.files(&[alias]);
    let key = format!(r"{CORE}\3.12\InstallPath");
    machine.key(Hive::CurrentUser, &key, "", &folder);
    machine.key(Hive::CurrentUser, &key, "ExecutablePath", alias);
    machine.check(&[
        &format!("registry windows-store prefix {folder}"),
        &format!("system windows-store prefix {folder}"),
    ]);
}

#[test]
fn folders_of_installers() {
    let mut machine = Machine::new(Platform::Windows);
    machine.variable("SCOOP", "C/scoop");
    machine.files(&[
        "C/Users/me/AppData/Local/Python/pythoncore-3.14-64/python.exe",
        "C/Users/me/AppData/Local/Python/bin/python.exe",
        "C/managed/pythoncore-3.13-64/python.exe",
        "C/Users/me/AppData/Local/Programs/Python/Python312/python.exe",
        "C/Program Files/Python311/python.exe",
        "C/Python27/python.exe",
        "C/Users/me/Desktop/WPy64-31241/python-3.12.4.amd64/python.exe",
        "C/WPy64-31300/python/python.exe",
        "C/scoop/apps/python312/3.12.1/python.exe",
        "C/scoop/shims/python.exe",
        "C/tools/python3/python.exe",
        "C/Users/me/.nuget/packages/python/3.12.1/tools/python.exe",
        "C/Program Files/Blender Foundation/Blender 4.1/4.1/python/bin/python.exe",
        "C/msys64/ucrt64/bin/python3.exe",
        "C/hostedtoolcache/windows/Python/3.12.1/x64/python.exe",
    ]);
    machine.file(
        "C/Users/me/AppData/Roaming/Python/PyManager.json",
        r#"{"install_dir": "%SYSTEMDRIVE%/managed", /* mine */ }"#,
    );
    machine.check(&[
        "installer - prefix C/hostedtoolcache/windows/Python/3.12.1/x64",
        "installer pymanager prefix C/Users/me/AppData/Local/Python/pythoncore-3.14-64",
        "installer pymanager prefix C/managed/pythoncore-3.13-64",
        "installer winpython prefix C/Users/me/Desktop/WPy64-31241/python-3.12.4.amd64",
        "installer winpython prefix C/WPy64-31300/python",
        "system - executable C/msys64/ucrt64/bin/python3.exe",
        "system - prefix C/Program Files/Python311",
        "system - prefix C/Python27",
        "system - prefix C/Users/me/.nuget/packages/python/3.12.1/tools",
        "system - prefix C/Users/me/AppData/Local/Programs/Python/Python312",
        "system - prefix C/scoop/apps/python312/3.12.1",
        "system - prefix C/tools/python3",
        "system embedded prefix C/Program Files/Blender Foundation/Blender 4.1/4.1/python",
    ]);
}

#[test]
fn stores_below_app_data() {
    let mut machine = Machine::new(Platform::Windows);
    machine.search_path("PATH", &["C/choco/chocolatey/bin", "C/py"]);
    machine.files(&[
        "C/choco/chocolatey/bin/python3.12.exe",
        "C/py/python.exe",
        "C/py/Python3.exe",
        "C/py/pythonw.exe",
        "C/Users/me/.pyenv/pyenv-win/versions/3.11.1/python.exe",
        "C/Users/me/AppData/Roaming/uv/python/cpython-3.12.1-windows-x86_64-none/python.exe",
        "C/Users/me/AppData/Roaming/uv/data/tools/a/pyvenv.cfg",
        "C/Users/me/AppData/Local/uv/cache/environments-v2/a/pyvenv.cfg",
        "C/Users/me/AppData/Local/pypoetry/Cache/virtualenvs/a/pyvenv.cfg",
        "C/Users/me/.virtualenvs/a/pyvenv.cfg",
        "C/Users/me/Envs/b/pyvenv.cfg",
        "C/Users/me/AppData/Local/hatch/env/virtual/a/b/c/pyvenv.cfg",
        "C/Users/me/AppData/Local/pdm/pdm/venvs/a/pyvenv.cfg",
        "C/Users/me/pipx/venvs/a/pyvenv.cfg",
        "C/Users/me/AppData/Local/pipx/pipx/venvs/b/pyvenv.cfg",
        "C/ProgramData/Anaconda3/conda-meta/history",
        "C/ProgramData/Anaconda3/pkgs/x",
        "C/Users/me/AppData/Local/conda/conda/envs/a/conda-meta/history",
        "C/Users/me/AppData/Local/mise/installs/python/3.13.0/python.exe",
    ]);
    machine.file(
        "C/Users/me/AppData/Roaming/jupyter/kernels/a/kernel.json",
        r#"{"argv": ["{root}/C/k/Scripts/python.exe"]}"#,
    );
    machine.check(&[
        "conda conda-base prefix C/ProgramData/Anaconda3",
        "conda conda-env children C/Users/me/AppData/Local/conda/conda/envs",
        "installer mise prefix C/Users/me/AppData/Local/mise/installs/python/3.13.0",
        "kernelspec - executable C/k/Scripts/python.exe",
        "path - executable C/py/Python3.exe",
        "path - executable C/py/python.exe",
        "pyenv pyenv prefix C/Users/me/.pyenv/pyenv-win/versions/3.11.1",
        "store hatch prefix C/Users/me/AppData/Local/hatch/env/virtual/a/b/c",
        "store pdm children C/Users/me/AppData/Local/pdm/pdm/venvs",
        "store pipenv prefix C/Users/me/.virtualenvs/a",
        "store pipx children C/Users/me/AppData/Local/pipx/pipx/venvs",
        "store pipx children C/Users/me/pipx/venvs",
        "store poetry children C/Users/me/AppData/Local/pypoetry/Cache/virtualenvs",
        "store virtualenvwrapper prefix C/Users/me/Envs/b",
        "uv uv-managed prefix C/Users/me/AppData/Roaming/uv/python/cpython-3.12.1-windows-x86_64-none",
        "uv uv-script children C/Users/me/AppData/Local/uv/cache/environments-v2",
        "uv uv-tool children C/Users/me/AppData/Roaming/uv/data/tools",
    ]);
}
