#![no_main]

use aios_core::environments::pyvenv_cfg::PyvenvCfg;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let cfg = PyvenvCfg::parse(bytes);
    let _ = (cfg.home(), cfg.version(), cfg.includes_system_site_packages());
});
