import { MODE_IDS } from '../../main/model/mode.ts';
import { testLeastRights } from './least-privilege.contract.ts';

testLeastRights(MODE_IDS.flatMap((mode) => (['read', 'write', 'both'] as const).map((access) => [access, mode] as const)));
