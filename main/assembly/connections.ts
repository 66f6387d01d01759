/** Connections: where S3 is, and the sign-in, whose secret lives in the secret store only. */
import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { isSyncError, SyncError } from '../model/errors.ts';
import type { ConnectionSettings, S3Access } from '../model/settings.ts';
import type { SettingsStore } from '../state/settings.ts';
import type { SecretStore } from '../sync/ports.ts';
import type { Connections, NewConnection, StorageHost } from './api.ts';
import { checkName, findNamed } from './lookup.ts';

const BUILT_IN_REGION = 'us-east-1';
const secretName = (connectionId: string): string => `connection/${connectionId}`;

function checkEndpoint(endpoint: string | null): string | null {
  if (endpoint === null) return null;
  const url = URL.canParse(endpoint) ? new URL(endpoint) : null;
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:') || url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    throw new SyncError('bad-usage', { detail: 'an endpoint is an http or https address without user, password or query' });
  }
  return endpoint.replace(/\/+$/, '');
}

function checkText(text: string, what: string): string {
  if (text.trim() === '' || text.length > 200 || /\s/.test(text.trim())) throw new SyncError('bad-usage', { detail: `${what} is empty or holds blanks` });
  return text.trim();
}

export function createConnections(options: { settings: SettingsStore; secrets: () => Promise<SecretStore>; storageHost: StorageHost | undefined }): Connections {
  const { settings, secrets, storageHost } = options;
  const find = (wanted: string): ConnectionSettings => findNamed(settings.connections(), wanted, ({ id }) => id, ({ name }) => name, 'no-such-connection');

  const accessOf = async (connection: ConnectionSettings): Promise<S3Access> => {
    const { endpoint, region, directory, credentials, certificate, bucketOwner = null } = connection;
    if (connection.kind === 'built-in') {
      if (storageHost === undefined || directory === null) throw new SyncError('not-available-yet', { detail: 'built-in storage cannot be started here' });
      const { endpoint: at, accessKeyId, secretAccessKey, certificatePem } = await storageHost.ensureRunning(directory, connection.isSecure === true);
      return { endpoint: at, region: BUILT_IN_REGION, pathStyle: true, certificate: certificatePem, credentials: { type: 'static', accessKeyId, secretAccessKey } };
    }
    const pathStyle = connection.pathStyle ?? endpoint !== null;
    if (credentials.type !== 'stored') return { endpoint, region, pathStyle, credentials, certificate, bucketOwner };
    const store = await secrets();
    const secret = await store.get(secretName(connection.id));
    if (secret === null && connection.secretBackend !== undefined && connection.secretBackend !== store.backend) throw new SyncError('secret-elsewhere', { detail: `${connection.name}: it was stored in the ${connection.secretBackend === 'file' ? 'key file' : 'keychain'}` });
    if (secret === null) throw new SyncError('sign-in-missing', { detail: `the secret of ${connection.name} is not in the secret store` });
    return { endpoint, region, pathStyle, certificate, bucketOwner, credentials: { type: 'static', accessKeyId: credentials.accessKeyId, secretAccessKey: secret.toString('utf8') } };
  };

  const describe = (input: NewConnection): ConnectionSettings => {
    const common = { id: randomBytes(8).toString('hex'), name: checkName(input.name), pathStyle: null };
    switch (input.kind) {
      case 'built-in':
        if (!isAbsolute(input.directory)) throw new SyncError('bad-usage', { detail: 'the directory of built-in storage is an absolute path' });
        return { ...common, kind: 'built-in', directory: input.directory, ...(input.isSecure === true && { isSecure: true }), endpoint: null, region: BUILT_IN_REGION, credentials: { type: 'environment' } };
      case 's3':
        return { ...common, kind: 's3', directory: null, endpoint: checkEndpoint(input.endpoint), region: checkText(input.region, 'the region'), credentials: { type: 'stored', accessKeyId: checkText(input.accessKeyId, 'the access key') } };
      case 'profile':
        return { ...common, kind: 's3', directory: null, endpoint: checkEndpoint(input.endpoint), region: checkText(input.region, 'the region'), credentials: { type: 'profile', profile: checkText(input.profile, 'the profile') } };
      case 'environment':
        return { ...common, kind: 's3', directory: null, endpoint: checkEndpoint(input.endpoint), region: checkText(input.region, 'the region'), credentials: { type: 'environment' } };
    }
  };

  const ownedBy = (connection: ConnectionSettings, input: NewConnection): ConnectionSettings => {
    if (input.kind === 'built-in' || input.bucketOwner === undefined) return connection;
    if (!/^\d{12}$/.test(input.bucketOwner)) throw new SyncError('bad-usage', { detail: 'the owner of the buckets is an AWS account: 12 digits' });
    return { ...connection, bucketOwner: input.bucketOwner };
  };

  const pinned = async (connection: ConnectionSettings, input: NewConnection): Promise<ConnectionSettings> => {
    if (input.kind === 'built-in' || input.fingerprint === undefined) return connection;
    if (connection.endpoint === null) throw new SyncError('bad-usage', { detail: 'a fingerprint needs an endpoint' });
    const { certificateOf } = await import('../remote/pinned-tls.ts');
    return { ...connection, certificate: await certificateOf(connection.endpoint, input.fingerprint) };
  };

  return {
    list: () => settings.connections(),
    find,
    accessOf,
    add: async (input) => {
      const described = ownedBy(describe(input), input);
      if (settings.connectionNamed(described.name) !== null) throw new SyncError('name-taken', { detail: described.name });
      const trusting = await pinned(described, input);
      const connection = input.kind === 's3' ? { ...trusting, secretBackend: (await secrets()).backend } : trusting;
      if (input.kind === 'built-in') {
        try {
          mkdirSync(input.directory, { recursive: true, mode: 0o700 });
        } catch (cause) {
          throw new SyncError('permission-denied', { path: input.directory }, { cause });
        }
      }
      if (input.kind === 's3') {
        if (input.secretAccessKey.trim() === '') throw new SyncError('sign-in-missing', { detail: 'the secret is empty' });
        const value = Buffer.from(input.secretAccessKey.trim(), 'utf8');
        try {
          await (await secrets()).set(secretName(connection.id), value);
        } finally {
          value.fill(0);
        }
      }
      try {
        settings.addConnection(connection);
      } catch (error) {
        if (input.kind === 's3') await (await secrets()).delete(secretName(connection.id));
        throw error;
      }
      return connection;
    },
    test: async (wanted, signal = new AbortController().signal) => {
      const { testConnection } = await import('../remote/connection.ts');
      try {
        await testConnection(await accessOf(find(wanted)), signal);
      } catch (error) {
        // Before anything has worked, an answer that makes no sense means that something else answers there.
        throw isSyncError(error, 'answer-invalid') ? new SyncError('not-s3', error.about, { cause: error }) : error;
      }
    },
    remove: async (wanted) => {
      const connection = find(wanted);
      settings.removeConnection(connection.id);
      // The row goes first: a secret without a row is only forgotten space, a row without its secret is a broken connection.
      if (connection.credentials.type === 'stored' && connection.kind === 's3') await (await secrets()).delete(secretName(connection.id));
    },
    setSecure: (wanted, isSecure) => {
      const { kind, directory } = find(wanted);
      if (kind !== 'built-in') throw new SyncError('bad-usage', { detail: 'an S3 server decides itself whether it is reached over HTTPS' });
      const all = settings.connections().filter((each) => each.kind === 'built-in' && each.directory === directory);
      for (const { isSecure: _before, ...each } of all) settings.updateConnection({ ...each, ...(isSecure && { isSecure }) });
      return all.map(({ id }) => id);
    },
    buckets: async (wanted) => {
      const { listBuckets } = await import('../remote/connection.ts');
      return listBuckets(await accessOf(find(wanted)), new AbortController().signal);
    },
    createBucket: async (wanted, bucket) => {
      const { createBucket, headBucket } = await import('../remote/connection.ts');
      const access = await accessOf(find(wanted));
      const { signal } = new AbortController();
      if (await headBucket(access, bucket, signal)) return false;
      await createBucket(access, bucket, signal);
      return true;
    },
  };
}
