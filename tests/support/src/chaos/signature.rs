//! The form of a request signed with Signature Version 4. The signature itself is not verified.
//!
//! Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html>

use super::http::Request;

/// The access key that signed a request. Each copy of the function has one of its own.
///
/// # Errors
/// The request is not signed as `service` asks for.
pub fn access_key(request: &Request, service: &str) -> Result<String, String> {
    let header = request.header("authorization").ok_or("not signed")?;
    let fields = header.strip_prefix("AWS4-HMAC-SHA256 ").ok_or("not Signature Version 4")?;
    let field = |name: &str| {
        let mut fields = fields.split(',').map(str::trim);
        fields.find_map(|field| field.strip_prefix(name)?.strip_prefix('='))
    };
    let scope: Vec<&str> = field("Credential").unwrap_or_default().split('/').collect();
    let [key, date, region, scope_service, "aws4_request"] = scope[..] else {
        return Err(format!("not a credential scope: {scope:?}"));
    };
    let has_scope =
        is_digits(date, 8) && !region.is_empty() && scope_service == service && !key.is_empty();
    let signature = field("Signature").unwrap_or_default();
    let has_signature =
        signature.len() == 64 && signature.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !has_scope || !has_signature || request.header("x-amz-date").is_none() {
        return Err(format!("not signed for {service}: {header}"));
    }
    check_signed_headers(request, field("SignedHeaders").unwrap_or_default())?;
    Ok(key.to_owned())
}

/// The host and every header of AWS's must be signed.
fn check_signed_headers(request: &Request, signed: &str) -> Result<(), String> {
    let signed: Vec<&str> = signed.split(';').collect();
    let names = request.headers.iter().map(|(name, _)| name.as_str());
    let mut required = names.filter(|name| *name == "host" || name.starts_with("x-amz-"));
    match required.find(|name| !signed.contains(name)) {
        Some(name) => Err(format!("the header {name} is not signed")),
        None => Ok(()),
    }
}

fn is_digits(text: &str, count: usize) -> bool {
    text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit())
}
