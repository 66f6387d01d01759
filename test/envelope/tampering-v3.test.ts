import { describe } from 'vitest';
import { testTampering } from './tampering.contract.ts';

describe('V3 objects of a client-side folder', () => {
  testTampering('cse-c');
});
