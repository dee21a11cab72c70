-- why
-- pgkeep:ignore syntax-error: the server knows it
SELEC 1;
