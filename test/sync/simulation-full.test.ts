/** Histories with a server of level full. */
import { simulateLevel } from './simulation.ts';

simulateLevel('full');
