mod document;
mod fixture;
mod hostile;
mod sentence;
mod shell;
