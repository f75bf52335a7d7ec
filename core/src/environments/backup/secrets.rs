//! Names and passwords of URLs, which a backup does not keep.
//!
//! ```text
//! --index-url https://me:secret@example.org/simple   https://example.org/simple
//! git+ssh://git@example.org/x.git                    as it is: a name without a password
//! https://${USER}:${PASSWORD}@example.org/simple     as it is: names of variables (PEP 610)
//! https://example.org/t/TOKEN/channel                https://example.org/channel (conda)
//! https://example.org/x.whl?token=abc                https://example.org/x.whl?token=
//! ```
//!
//! What is in a URL is found wherever the URL stands. What else somebody wrote into a file is not known for a
//! secret.

use std::borrow::Cow;

/// Where a URL ends in a line of requirements, in TOML, JSON or YAML.
const ENDS: &[u8] = b" \t\r\n\"'<>`|\\,;)]}\0";

/// Parameters of which the value is a secret; a longer name that holds one of [`TELLING`] is one too.
const PARAMETERS: [&str; 5] = ["sig", "key", "auth", "pass", "pwd"];
const TELLING: [&str; 7] =
    ["token", "secret", "password", "passwd", "signature", "credential", "apikey"];

/// The text without the secrets in its URLs.
pub(crate) fn without(text: &[u8]) -> Cow<'_, [u8]> {
    let mut kept: Option<Vec<u8>> = None;
    // Up to here everything is in `kept`, or as it was.
    let mut done = 0;
    for at in memchr::memmem::find_iter(text, b"://") {
        if at < done {
            continue;
        }
        let scheme = scheme_before(&text[..at]);
        let start = at + 3;
        let length = memchr_any(&text[start..], ENDS).unwrap_or(text.len() - start);
        let rest = &text[start..start + length];
        let Cow::Owned(new) = without_in(scheme, rest) else { continue };
        let kept = kept.get_or_insert_with(Vec::new);
        kept.extend_from_slice(&text[done..start]);
        kept.extend_from_slice(&new);
        done = start + length;
    }
    match kept {
        None => Cow::Borrowed(text),
        Some(mut kept) => {
            kept.extend_from_slice(&text[done..]);
            Cow::Owned(kept)
        }
    }
}

/// The same of what is text.
pub(crate) fn without_text(text: &str) -> String {
    String::from_utf8_lossy(&without(text.as_bytes())).into_owned()
}

/// What follows the scheme of one URL.
fn without_in<'a>(scheme: &[u8], rest: &'a [u8]) -> Cow<'a, [u8]> {
    let (mut user, mut host) = rest.split_at(user_info(rest));
    let keeps_user = is_public(scheme, user);
    // What is left may look like one again.
    while !keeps_user && user_info(host) > 0 {
        (user, host) = host.split_at(user_info(host));
    }
    let mut new = Vec::with_capacity(rest.len());
    if keeps_user {
        new.extend_from_slice(user);
    }
    let (host, fragment) = split_before(host, b'#');
    let (place, query) = split_before(host, b'?');
    let token = token_of_conda(place);
    match &token {
        Some(token) => {
            new.extend_from_slice(&place[..token.start]);
            new.extend_from_slice(&place[token.end..]);
        }
        None => new.extend_from_slice(place),
    }
    let mut hidden = false;
    for (number, parameter) in query.split(|byte| matches!(byte, b'?' | b'&')).enumerate() {
        if number > 0 {
            new.push(if number == 1 { b'?' } else { b'&' });
        }
        let (name, value) = split_before(parameter, b'=');
        let hides = value.len() > 1 && is_secret(name);
        hidden |= hides;
        new.extend_from_slice(if hides { &parameter[..=name.len()] } else { parameter });
    }
    new.extend_from_slice(fragment);
    let changed = (!keeps_user && !user.is_empty()) || token.is_some() || hidden;
    if changed { Cow::Owned(new) } else { Cow::Borrowed(rest) }
}

/// The scheme that ends here.
fn scheme_before(text: &[u8]) -> &[u8] {
    let is_of = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
    let length = text.iter().rev().take(32).take_while(|byte| is_of(byte)).count();
    &text[text.len() - length..]
}

/// How many bytes are name and password, with the `@` after them.
fn user_info(rest: &[u8]) -> usize {
    let end = memchr_any(rest, b"/?#").unwrap_or(rest.len());
    if let Some(at) = memchr::memrchr(b'@', &rest[..end]) {
        return at + 1;
    }
    // A password with a `/` that nobody escaped: what stands for the port is no number.
    let port = memchr::memchr(b':', &rest[..end]).map(|at| &rest[at + 1..end]);
    let is_password = !rest.starts_with(b"[")
        && port.is_some_and(|port| !port.is_empty() && !port.iter().all(u8::is_ascii_digit));
    match memchr::memrchr(b'@', rest) {
        Some(at) if is_password => at + 1,
        _ => 0,
    }
}

/// Whether the part before the host (with its `@`) may be known to all.
fn is_public(scheme: &[u8], user: &[u8]) -> bool {
    let user = user.strip_suffix(b"@").unwrap_or(user);
    let by_ssh =
        scheme.eq_ignore_ascii_case(b"ssh") || scheme.to_ascii_lowercase().ends_with(b"+ssh");
    let is_name = !user.contains(&b':') && (by_ssh || user == b"git");
    is_name || user.split(|byte| *byte == b':').all(is_variable)
}

/// `${NAME}`
fn is_variable(part: &[u8]) -> bool {
    let name = part.strip_prefix(b"${").and_then(|rest| rest.strip_suffix(b"}"));
    name.is_some_and(|name| {
        !name.is_empty() && name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
    })
}

/// Where `/t/TOKEN` stands: conda puts it before the channel.
fn token_of_conda(place: &[u8]) -> Option<std::ops::Range<usize>> {
    let start = memchr::memmem::find(place, b"/t/")?;
    let token = &place[start + 3..];
    let length = memchr::memchr(b'/', token)?;
    let is_token = length > 0
        && token[..length].iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(byte));
    is_token.then_some(start..start + 3 + length)
}

fn is_secret(parameter: &[u8]) -> bool {
    let name = String::from_utf8_lossy(parameter).to_ascii_lowercase().replace(['-', '_'], "");
    PARAMETERS.contains(&name.as_str()) || TELLING.iter().any(|part| name.contains(part))
}

/// The bytes up to the first `end`, and from it on.
fn split_before(bytes: &[u8], end: u8) -> (&[u8], &[u8]) {
    bytes.split_at(memchr::memchr(end, bytes).unwrap_or(bytes.len()))
}

fn memchr_any(bytes: &[u8], any: &[u8]) -> Option<usize> {
    bytes.iter().position(|byte| any.contains(byte))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_and_passwords_go() {
        let check = |text: &str, expected: &str| assert_eq!(without_text(text), expected);
        check(
            "--index-url https://me:secret@example.org/simple\nidna==3.7",
            "--index-url https://example.org/simple\nidna==3.7",
        );
        check("https://token@example.org/", "https://example.org/");
        check("https://me:p@ss@example.org/", "https://example.org/");
        check("https://me:p/a?s#s@example.org/x", "https://example.org/x");
        check("x @ git+https://u:p@example.org/x.git@v1", "x @ git+https://example.org/x.git@v1");
        check(r#"{"url": "https://u:p@h/x"}"#, r#"{"url": "https://h/x"}"#);
        check("a https://u@h/ b https://v@h/", "a https://h/ b https://h/");
        check("https://h/t/tk-1-ab/main/linux-64/x.conda", "https://h/main/linux-64/x.conda");
        check(
            "https://h/x.whl?a=1&Access_Token=s&b=2#c",
            "https://h/x.whl?a=1&Access_Token=&b=2#c",
        );
        check("https://h/x?X-Amz-Signature=s", "https://h/x?X-Amz-Signature=");
        check("ssh://me:secret@h/x", "ssh://h/x");
    }

    #[test]
    fn all_else_stays() {
        let same =
            |text: &str| assert_eq!(without(text.as_bytes()), Cow::Borrowed(text.as_bytes()));
        same("idna==3.7 ; python_version < '3'");
        same("git+ssh://git@example.org/x.git@4f2c#egg=x");
        same("https://${USER}:${PASS_1}@example.org/simple");
        same("https://example.org:8080/simple?a=b&a=@#sha256=0a");
        same("https://[::1]:80/@scope/x");
        same("file:///home/me/x@1/y");
        same("a://");
        same("https://example.org/t/");
    }

    proptest! {
        #[test]
        fn no_password_is_left(
            before in "[a-z =\"]{0,8}", user in "[a-z]{1,6}", password in "[a-zA-Z0-9/@%?#&=:-]{1,12}",
            after in "[a-z/?=#]{0,12}"
        ) {
            // What follows the host may hold the same letters.
            let password = format!("Q{password}Q");
            let text = format!("{before}https://{user}:{password}@host.example/{after}");
            prop_assert!(!without_text(&text).contains(&password), "{}", without_text(&text));
        }

        #[test]
        fn never_panics_and_is_done_after_one_round(text in "[a-z:/@?#&=.$ {}]{0,60}") {
            let once = without_text(&text);
            prop_assert_eq!(without_text(&once), once);
        }
    }
}
