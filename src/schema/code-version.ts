// The version of this code, as its package has it: an arena may ask for a newer one.

/** Three numbers with dots between; a test compares it with package.json. */
export const CODE_VERSION = '0.1.0';
