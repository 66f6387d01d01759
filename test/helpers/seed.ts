/** Random tests begin where ENFOLD_SEED says, so that a run can be repeated; without it each run tries something new. */
import fc from 'fast-check';

const { ENFOLD_SEED } = process.env;
if (ENFOLD_SEED !== undefined && ENFOLD_SEED !== '') fc.configureGlobal({ seed: Number(ENFOLD_SEED) });
