//! PEP 514 keys, as `ci/windows-python` wrote them into a real registry.

use super::pythons::Pythons;
use crate::support::Home;

/// 3.11 is named by the user's hive and by the machine's 32-bit view, 3.13 by the machine's 64-bit one.
#[test]
fn installations_of_both_hives_and_views() {
    let Some(pythons) = Pythons::here() else { return };
    let home = Home::new();
    let answer = home.aios(["find", "--format", "json"]);
    let keys = |name: &str| -> Vec<String> {
        let environment = answer.environment(&pythons.base(name));
        assert_eq!(environment["kind"], "windows-registry", "{environment}");
        // `InstallPath` ends with `\`, which is no other name of the folder.
        assert_eq!(environment["aliases"], serde_json::json!([]), "{environment}");
        let found = environment["found_by"].as_array().unwrap().iter();
        let registry = found.filter(|found| found["source"] == "registry");
        registry.map(|found| found["detail"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(
        keys("python311"),
        [
            r"the registry key `HKCU\Software\Python\PythonCore\3.11` names it",
            r"the registry key `HKLM (32-bit)\Software\Python\PythonCore\3.11-32` names it",
        ]
    );
    assert_eq!(
        keys("python313"),
        [r"the registry key `HKLM\Software\Python\PythonCore\3.13` names it"]
    );
}
