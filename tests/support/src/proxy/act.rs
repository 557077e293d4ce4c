//! What befalls a request.

/// What befalls a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// It goes no further: this status, and this error code of S3 or SNS.
    Refuse(u16, &'static str),
    /// It goes no further, and the connection is reset.
    Reset,
    /// It goes no further, and nobody ever answers.
    Silence,
    /// It has its effect, and the connection is reset instead of the answer.
    LoseAnswer,
    /// It has its effect, and nobody ever answers.
    WithholdAnswer,
    /// Half of the answer's body comes, and then a reset.
    ResetBody,
    /// Half of the answer's body comes under the whole's length, and then an orderly end.
    EndBody,
    /// Half of the answer's body comes, and then nothing.
    StallBody,
    /// The answer's body comes byte by byte, with a pause after each, and never ends.
    DribbleBody,
    /// A `PublishBatch` has its effect without its second entry, and the answer, a success, says
    /// that SNS failed there.
    FailSecondEntry,
    /// The same, and says that the sender is at fault.
    RefuseSecondEntry,
}

/// An error as SNS writes it, or S3.
pub(super) fn error(code: &str, of_sns: bool) -> String {
    let inner = format!("<Code>{code}</Code><Message>{code}, says the proxy</Message>");
    match of_sns {
        true => format!("<ErrorResponse><Error><Type>Sender</Type>{inner}</Error></ErrorResponse>"),
        false => format!("<Error>{inner}</Error>"),
    }
}

/// `PublishBatch` without its second entry, and that entry's id.
pub(super) fn without_second(body: &str) -> (String, String) {
    let second = "PublishBatchRequestEntries.member.2.";
    let (dropped, kept): (Vec<&str>, Vec<&str>) =
        body.split('&').partition(|part| part.starts_with(second));
    let id = dropped
        .iter()
        .find_map(|part| part.strip_prefix("PublishBatchRequestEntries.member.2.Id="));
    (kept.join("&"), id.unwrap_or_default().to_owned())
}

/// The answer to that, with the entry failed.
pub(super) fn with_failed(answer: &str, id: &str, sender_fault: bool) -> String {
    let failed = format!(
        "<Failed><member><Id>{id}</Id><Code>Oops</Code><Message>says the proxy</Message>\
         <SenderFault>{sender_fault}</SenderFault></member></Failed>"
    );
    let bare = answer.replace("<Failed/>", "").replace("<Failed></Failed>", "");
    bare.replace("</PublishBatchResult>", &format!("{failed}</PublishBatchResult>"))
}
