"""The catalogues: collect texts from the code, compile them without system gettext."""
