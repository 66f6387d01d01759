// A bug on purpose, for a process that imports this first: what it is about to do in the bucket is written down nowhere.
import { Database } from '../../main/state/database.ts';

const run = Object.getOwnPropertyDescriptor(Database.prototype, 'run')?.value;
Database.prototype.run = function runUnlessIntent(sql, ...values) {
  if (!sql.startsWith('INSERT INTO intent')) run.call(this, sql, ...values);
};
