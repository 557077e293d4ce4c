//! Signatures of digest files: RSA, PKCS #1 version 1.5, with SHA-256.

use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};

/// What the metadata calls the algorithm.
pub const ALGORITHM: &str = "SHA256withRSA";

/// Returns true if `signature` is that of the key over `message`. `public_key` is the DER of an
/// `RSAPublicKey` (PKCS #1). False for anything that is not such a key.
pub fn is_signed_by(public_key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public_key);
    key.verify(message, signature).is_ok()
}

/// Decodes hexadecimal digits. Returns `None` for anything else.
pub fn decode_hex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) {
        return None;
    }
    let digit = |digit: u8| char::from(digit).to_digit(16);
    let pairs = text.as_bytes().chunks_exact(2);
    pairs.map(|pair| Some((digit(pair[0])? * 16 + digit(pair[1])?) as u8)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_digits_are_decoded() {
        for (text, expected) in [
            ("00ffAb", Some(vec![0, 0xff, 0xab])),
            ("", Some(vec![])),
            ("0", None),
            ("0g", None),
            ("+1", None),
            ("ü", None),
            (" 1", None),
        ] {
            assert_eq!(decode_hex(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_not_a_key_signs_nothing() {
        for key in [&b""[..], b"not a key", &[0x30; 270]] {
            assert!(!is_signed_by(key, b"message", &[1; 256]));
        }
    }
}
