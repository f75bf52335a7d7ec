//! Names of modules: in the names of files, and in the standard library.

use crate::fs::{Entry, Kind};

/// The module that an entry of a folder is: `a` of `a/`, `a.py`, `a.cpython-312-x86_64-linux-gnu.so`.
pub(super) fn module_name(entry: &Entry) -> Option<&str> {
    let name = entry.name.to_str()?;
    let is_file = [".py", ".pyc", ".so", ".pyd"].iter().any(|suffix| name.ends_with(suffix));
    let is_folder = entry.kind != Kind::File && !name.contains('.');
    (is_file || is_folder).then(|| name.split('.').next()).flatten().filter(|name| !name.is_empty())
}

/// Whether every CPython that is in use has the module.
pub(super) fn is_standard(name: &str) -> bool {
    contains_word(STANDARD, name)
}

/// Whether older versions of CPython have the module and newer ones do not.
pub(super) fn is_of_older_standard(name: &str) -> bool {
    contains_word(REMOVED, name)
}

/// Whether the module is inside every interpreter: no file can take its place.
pub(super) fn is_built_in(name: &str) -> bool {
    contains_word(BUILT_IN, name)
}

/// Whether the words of a list contain this one.
fn contains_word(list: &str, word: &str) -> bool {
    list.split_ascii_whitespace().any(|known| known == word)
}

/// Modules of every CPython from 3.8 or of the newest: also those that a build may hold inside its binary,
/// so that no file of the standard library tells of them.
const STANDARD: &str = "\
    __future__ __main__ _abc _aix_support _android_support _apple_support _ast _ast_unparse \
    _asyncio _bisect _blake2 _bz2 _codecs _codecs_cn _codecs_hk _codecs_iso2022 _codecs_jp \
    _codecs_kr _codecs_tw _collections _collections_abc _colorize _compat_pickle _compression \
    _contextvars _csv _ctypes _curses _curses_panel _datetime _dbm _decimal _elementtree \
    _frozen_importlib _frozen_importlib_external _functools _gdbm _hashlib _heapq _hmac _imp \
    _interpchannels _interpqueues _interpreters _io _ios_support _json _locale _lsprof _lzma \
    _markupbase _md5 _multibytecodec _multiprocessing _opcode _opcode_metadata _operator \
    _osx_support _overlapped _pickle _posixshmem _posixsubprocess _py_abc _py_warnings \
    _pydatetime _pydecimal _pyio _pylong _pyrepl _queue _random _remote_debugging _scproxy _sha1 \
    _sha2 _sha3 _signal _sitebuiltins _socket _sqlite3 _sre _ssl _stat _statistics _string \
    _strptime _struct _suggestions _symtable _sysconfig _thread _threading_local _tkinter \
    _tokenize _tracemalloc _types _typing _uuid _warnings _weakref _weakrefset _winapi _wmi \
    _zoneinfo _zstd abc annotationlib antigravity argparse array ast asyncio atexit base64 bdb \
    binascii bisect builtins bz2 cProfile calendar cmath cmd code codecs codeop collections \
    colorsys compileall compression concurrent configparser contextlib contextvars copy copyreg \
    csv ctypes curses dataclasses datetime dbm decimal difflib dis doctest email encodings \
    ensurepip enum errno faulthandler fcntl filecmp fileinput fnmatch fractions ftplib functools \
    gc genericpath getopt getpass gettext glob graphlib grp gzip hashlib heapq hmac html http \
    idlelib imaplib importlib inspect io ipaddress itertools json keyword linecache locale \
    logging lzma mailbox marshal math mimetypes mmap modulefinder msvcrt multiprocessing netrc \
    nt ntpath nturl2path numbers opcode operator optparse os pathlib pdb pickle pickletools \
    pkgutil platform plistlib poplib posix posixpath pprint profile pstats pty pwd py_compile \
    pyclbr pydoc pydoc_data pyexpat queue quopri random re readline reprlib resource rlcompleter \
    runpy sched secrets select selectors shelve shlex shutil signal site smtplib socket \
    socketserver sqlite3 sre_compile sre_constants sre_parse ssl stat statistics string \
    stringprep struct subprocess symtable sys sysconfig syslog tabnanny tarfile tempfile termios \
    textwrap this threading time timeit tkinter token tokenize tomllib trace traceback \
    tracemalloc tty turtle turtledemo types typing unicodedata unittest urllib uuid venv \
    warnings wave weakref webbrowser winreg winsound wsgiref xml xmlrpc zipapp zipfile zipimport \
    zlib zoneinfo";

/// Modules that some of these versions have and newer ones no longer: only their files tell.
const REMOVED: &str = "\
    _bootlocale _bootsubprocess _crypt _dummy_thread _dummy_threading _msi _peg_parser _sha256 \
    _sha512 aifc asynchat asyncore audioop binhex cgi cgitb chunk crypt distutils \
    dummy_threading formatter imghdr imp lib2to3 macpath mailcap msilib nis nntplib ossaudiodev \
    parser pipes smtpd sndhdr spwd sunau symbol telnetlib uu xdrlib";

/// `sys.builtin_module_names` of the smallest build.
const BUILT_IN: &str = "\
    _abc _ast _codecs _collections _functools _imp _io _locale _operator _signal _sre _stat _string \
    _symtable _thread _tracemalloc _warnings _weakref atexit builtins errno faulthandler gc itertools \
    marshal posix pwd sys time";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_modules_of_entries() {
        let check = |name: &str, kind: Kind, expected: Option<&str>| {
            assert_eq!(
                module_name(&Entry { name: name.into(), kind, inode: 0 }),
                expected,
                "{name}"
            );
        };
        check("six.py", Kind::File, Some("six"));
        check("ujson.cpython-312-x86_64-linux-gnu.so", Kind::File, Some("ujson"));
        check("click", Kind::Folder, Some("click"));
        check("click", Kind::Link, Some("click"));
        check("click-8.0.dist-info", Kind::Folder, None);
        check("README", Kind::File, None);
        check(".py", Kind::File, None);
    }

    #[test]
    fn knows_the_standard_library() {
        assert!(is_standard("os") && is_standard("_ssl") && is_standard("tomllib"));
        assert!(!is_standard("distutils") && !is_standard("numpy"));
        assert!(is_of_older_standard("distutils") && !is_of_older_standard("os"));
        assert!(is_built_in("sys") && !is_built_in("os"));
    }
}
