mod document;
mod exception;
pub mod fixture;
mod hostile;
mod sentence;
mod shell;
mod timeline;
