mod chat;
mod conflict;
mod description;
mod document;
mod exception_suggestion;
pub mod fixture;
mod hostile;
mod shell_commands;
mod timeline;
