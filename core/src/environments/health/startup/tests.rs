use super::super::builder::Staged;
use super::*;

const SETUPTOOLS: &str = "import os; var = 'SETUPTOOLS_USE_DISTUTILS'; \
    enabled = os.environ.get(var, 'local') == 'local'; \
    enabled and __import__('_distutils_hack').add_shim(); ";

fn none() -> Vec<String> {
    Vec::new()
}

#[test]
fn judges_what_pth_files_import() {
    let check = |text: &str, others: &[&str], expected: Option<&str>| {
        let staged = Staged::new();
        staged.write_site("x.pth", text);
        others.iter().for_each(|path| drop(staged.write_site(path, "")));
        let expected: Vec<_> = expected
            .map(|module| {
                format!(
                    "pth-broken: `x.pth` imports `{module}` at every start, and there is no such module"
                )
            })
            .into_iter()
            .collect();
        assert_eq!(staged.messages(check), expected, "{text}");
    };
    check(SETUPTOOLS, &["_distutils_hack/__init__.py"], None);
    check(SETUPTOOLS, &[], Some("_distutils_hack"));
    // Uninstalled, but for the caches that Python left.
    check(SETUPTOOLS, &["_distutils_hack/__pycache__/a.pyc"], Some("_distutils_hack"));
    check("import _virtualenv", &["_virtualenv.py"], None);
    check("import speedups", &["speedups.cpython-312-x86_64-linux-gnu.so"], None);
    check("import os, sys, zlib, _ssl, tomllib", &[], None);
    check("import gone", &["gone.txt", "gone-1.0.dist-info/METADATA"], Some("gone"));
    check("# import gone\n import gone\n/gone\n", &[], None);
    check("import os;exec('import gone')", &[], None);
    check("import a.b", &["a/__init__.py", "a/b.py"], None);
    check("import a.b", &["a/__init__.py"], Some("a.b"));
    check("import gone", &["gone.egg", "y.pth"], Some("gone"));
    check("import distutils", &[], Some("distutils"));
}

#[test]
fn modules_may_come_from_elsewhere() {
    let mut staged = Staged::new();
    let source = staged.folder.path().join("src");
    std::fs::create_dir_all(source.join("mapped")).unwrap();
    std::fs::write(source.join("beside.py"), "").unwrap();
    staged.write_site("x.pth", "import beside, mapped, relative, removed_in_newer\n");
    staged.write_site("y.pth", format!("{}\nwin32\n", source.display()));
    staged.write_site("win32/relative.py", "");
    staged.write_site(
        "__editable___p_0_finder.py",
        format!("MAPPING: dict[str, str] = {{'mapped': '{}'}}\n", source.join("mapped").display()),
    );
    staged.write_stdlib("removed_in_newer.py", "");
    assert_eq!(staged.messages(check), none());
    // The project of the editable install is gone.
    std::fs::remove_dir(source.join("mapped")).unwrap();
    assert_eq!(staged.messages(check).len(), 1);
    staged.install("mapped", "0", &[], &[]).editable = Some(source);
    assert_eq!(staged.messages(check), none());
}

#[test]
fn modules_of_the_base_count_when_it_is_visible() {
    let mut staged = Staged::new();
    staged.write_site("x.pth", "import of_base\n");
    staged.write_stdlib("site-packages/of_base.py", "");
    assert_eq!(staged.messages(check).len(), 1);
    staged.facts.marker = super::super::super::facts::Marker::Read(
        super::super::super::pyvenv_cfg::PyvenvCfg::parse(
            b"home = /usr/bin\ninclude-system-site-packages = true\n",
        ),
    );
    assert_eq!(staged.messages(check), none());
}

#[test]
fn pth_files_may_be_damaged() {
    let check = |content: &[u8], expected: &str| {
        let staged = Staged::new();
        staged.write_site("x.pth", content);
        assert_eq!(staged.messages(check), [format!("pth-broken: `x.pth` {expected}")]);
    };
    check(b"\0\0\0\0", "holds NULs: Python cannot read it at start");
    check(b"/caf\xe9\n", "is not UTF-8: Python cannot read it at start");
    check(&SETUPTOOLS.as_bytes()[..30], "ends within a string");
    let staged = Staged::new();
    staged.write_site(".hidden.pth", "import gone\n");
    staged.write_site("empty.pth", "");
    std::fs::create_dir(staged.site().join("folder.pth")).unwrap();
    assert_eq!(staged.messages(super::check), none());
}

#[test]
fn an_owned_pth_file_is_repaired_with_its_owner() {
    let mut staged = Staged::new();
    staged.write_site("x.pth", "import gone\n");
    staged.install("coverage", "7.0", &[], &["x.pth", "coverage/__init__.py"]);
    assert_eq!(staged.check(check).findings[0].repair.distributions, ["coverage==7.0"]);
}

#[test]
fn judges_sitecustomize() {
    let check = |content: &[u8], expected: Option<&str>| {
        let staged = Staged::new();
        staged.write_site("sitecustomize.py", content);
        let expected: Vec<_> = expected
            .map(|why| format!("sitecustomize-broken: `sitecustomize.py` {why}"))
            .into_iter()
            .collect();
        assert_eq!(staged.messages(check), expected, "{}", String::from_utf8_lossy(content));
    };
    check(b"", None);
    check(b"import os, sys\nfrom json import load\n", None);
    check(b"import gone\n", Some("imports `gone`, and there is no such module"));
    check(b"\"\"\"doc\nimport gone\n\"\"\"\n", None);
    check(
        b"from gone.deep import (\n  a,\n)\n",
        Some("imports `gone.deep`, and there is no such module"),
    );
    check(b"try:\n    import gone\nexcept ImportError:\n    pass\n", None);
    check(b"if False:\n    import gone\n", None);
    check(b"import sys\nsys.path.insert(0, '/x')\nimport gone\n", None);
    check(b"import os\0\0", Some("holds NULs: Python cannot compile it"));
    check(b"# caf\xe9\n", Some("is not UTF-8, and names no encoding"));
    check(b"# -*- coding: latin-1 -*-\n# caf\xe9\n", None);
    check(b"x = '''abc", Some("ends within a string: the rest of it is gone"));
    check(b"f(1,\n", Some("ends within brackets: the rest of it is gone"));
    check(
        b"import os\ndef f():\n",
        Some("ends where a block should follow: the rest of it is gone"),
    );
}

#[test]
fn a_hook_that_is_never_imported_is_not_judged() {
    let mut staged = Staged::new();
    staged.write_site("usercustomize.py", "import gone\n");
    assert_eq!(staged.messages(check), none());
    staged.environment.base_prefix = Some(staged.environment.prefix.clone());
    assert_eq!(staged.messages(check).len(), 1);
    // Debian's base has its own, which is found first.
    let staged = Staged::new();
    staged.write_site("sitecustomize.py", "import gone\n");
    staged.write_stdlib("sitecustomize.py", "");
    assert_eq!(staged.messages(check), none());
}
