/** The same with a hundred thousand messages. Needs a finished build in out/. */
process.env.ENFOLD_FUZZ_MESSAGES ??= '100000';
await import('./fuzz.e2e.ts');
export {};
