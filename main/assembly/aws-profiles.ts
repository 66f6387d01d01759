/** The profiles that the AWS tools know of, for a list to pick from. Names and regions only: secrets in those files are not looked at. */
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

type Profile = { name: string; region: string | null; isSso: boolean };

/** `[default]` and `[profile NAME]` of the config file, `[NAME]` of the credentials file. */
export function parseProfiles(text: string, isConfig: boolean): Profile[] {
  const profiles: Profile[] = [];
  let current: Profile | null = null;
  for (const line of text.split(/\r?\n/)) {
    const section = /^\s*\[\s*(.+?)\s*\]/.exec(line)?.[1];
    if (section !== undefined) {
      const found = isConfig ? (section === 'default' ? section : (/^profile\s+["']?(.+?)["']?$/.exec(section)?.[1] ?? null)) : section;
      current = found === null ? null : { name: found, region: null, isSso: false };
      if (current !== null) profiles.push(current);
      continue;
    }
    const setting = /^\s*([\w-]+)\s*=\s*(.*?)\s*$/.exec(line);
    if (current === null || setting === null) continue;
    if (setting[1] === 'region' && setting[2] !== '') current.region = setting[2] ?? null;
    if (setting[1]?.startsWith('sso_') === true) current.isSso = true;
  }
  return profiles;
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

export function listProfiles(env: Readonly<Record<string, string | undefined>>): Profile[] {
  const inHome = join(homedir(), '.aws');
  const found = [...parseProfiles(read(env['AWS_CONFIG_FILE'] ?? join(inHome, 'config')), true), ...parseProfiles(read(env['AWS_SHARED_CREDENTIALS_FILE'] ?? join(inHome, 'credentials')), false)];
  const byName = new Map<string, Profile>();
  for (const profile of found) {
    const known = byName.get(profile.name);
    byName.set(profile.name, known === undefined ? profile : { name: profile.name, region: known.region ?? profile.region, isSso: known.isSso || profile.isSso });
  }
  return [...byName.values()];
}
