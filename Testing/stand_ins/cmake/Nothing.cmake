# Stand-in for the scripts that write the extension's description and its package.
