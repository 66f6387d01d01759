/** The version that `package.json` names, written here so that nothing has to be read at start. A test holds them equal. */
export const VERSION = '0.1.0';
