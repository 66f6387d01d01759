import { testMixedScan } from './scan.contract.ts';

testMixedScan(100_000, 1_000, 1_000);
