import { expect, test } from 'vitest';
import type { S3Access } from '../../main/model/settings.ts';
import { createSdkClient, resolveEndpoint } from '../../main/remote/endpoint.ts';
import { codeOf } from './store.contract.ts';

const credentials = { type: 'static', accessKeyId: 'AKIAEXAMPLE', secretAccessKey: 'secret' } as const;
const mustNotLoad = (): never => {
  throw new Error('the SDK was loaded');
};
async function resolved(access: Partial<S3Access>, bucket: string) {
  const whole: S3Access = { endpoint: null, region: 'us-east-1', pathStyle: false, credentials, ...access };
  const { origin, basePath, region } = await resolveEndpoint(whole, bucket, async () => createSdkClient(whole));
  return { origin, basePath, region };
}

test.each([
  [{}, 'photos', { origin: 'https://photos.s3.us-east-1.amazonaws.com', basePath: '', region: 'us-east-1' }],
  [{ region: 'eu-west-1' }, 'photos', { origin: 'https://photos.s3.eu-west-1.amazonaws.com', basePath: '', region: 'eu-west-1' }],
  [{ region: 'cn-north-1' }, 'photos', { origin: 'https://photos.s3.cn-north-1.amazonaws.com.cn', basePath: '', region: 'cn-north-1' }],
  [{ region: 'eu-west-1' }, 'with.dots', { origin: 'https://s3.eu-west-1.amazonaws.com', basePath: '/with.dots', region: 'eu-west-1' }],
  [{ pathStyle: true }, 'photos', { origin: 'https://s3.us-east-1.amazonaws.com', basePath: '/photos', region: 'us-east-1' }],
] as const)('AWS is reached where the SDK says: %o, %s', async (access, bucket, expected) => {
  expect(await resolved(access, bucket)).toEqual(expected);
});

test('a fixed endpoint is taken as it is, without the SDK', async () => {
  const access: S3Access = { endpoint: 'http://127.0.0.1:9000/', region: 'us-east-1', pathStyle: true, credentials };
  expect(await resolveEndpoint(access, 'b', mustNotLoad)).toMatchObject({ origin: 'http://127.0.0.1:9000', basePath: '/b' });
  expect(await resolveEndpoint({ ...access, endpoint: 'https://s3.example/gateway' }, 'b', mustNotLoad)).toMatchObject({ origin: 'https://s3.example', basePath: '/gateway/b' });
  expect(await resolveEndpoint({ ...access, pathStyle: false, endpoint: 'https://s3.example:8443' }, 'b', mustNotLoad)).toMatchObject({ origin: 'https://b.s3.example:8443', basePath: '' });
});

test('a profile that does not exist is a missing sign-in', async () => {
  const access: S3Access = { endpoint: 'http://127.0.0.1:9', region: 'us-east-1', pathStyle: true, credentials: { type: 'profile', profile: 'no-such-profile-anywhere' } };
  expect(await codeOf(resolveEndpoint(access, 'b', async () => createSdkClient(access)))).toBe('sign-in-missing');
});
