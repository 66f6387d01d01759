/**
 * Buckets as their administrators see them: default encryption, policies, access, lifecycle, and how every object in them is encrypted.
 *
 * Promises: nothing is changed that was not shown before; what is changed can be taken back; a policy statement that Enfold did not write is
 * never touched; what a server answers is not believed but looked at again. It leaves to its callers which bucket, as whom, and with which keys.
 *
 * This file opens one bucket: the AWS SDK for its settings, and the lean path for the many requests of a scan and for settings as bytes.
 */
import type * as Sdk from '@aws-sdk/client-s3';
import { SyncError } from '../model/errors.ts';
import type { S3Access } from '../model/settings.ts';
import { createSdkClient, resolveEndpoint } from '../remote/endpoint.ts';
import { createHttpClient, type HttpClient, type SignedRequest } from '../remote/http.ts';
import { withRetries } from '../remote/retry.ts';
import { errorOfSdk, type Answer } from '../remote/s3-errors.ts';

export type Place = { readonly bucket: string; /** `''` or ends in `/`. */ readonly prefix: string };

export type OpenBucket = {
  readonly bucket: string;
  readonly access: S3Access;
  /** One call of the SDK, repeated where that may help. @throws SyncError */
  ask<T>(run: (client: Sdk.S3Client, sdk: typeof Sdk) => Promise<T>, signal: AbortSignal, objectKey?: string): Promise<T>;
  /** One signed request, whatever it is answered. @throws SyncError offline, tls-failed, answer-invalid */
  send(request: SignedRequest, signal: AbortSignal): Promise<Answer>;
  /** How many were sent so far. */
  requests(): number;
  close(): Promise<void>;
};

export const bucketArn = (bucket: string): string => `arn:aws:s3:::${bucket}`;
export const objectsArn = ({ bucket, prefix }: Place): string => `arn:aws:s3:::${bucket}/${prefix}*`;

/** The name S3 gave an error, and its status: what `errorOfSdk` sorts into fewer codes. */
export function providerOf(error: unknown): { readonly name: string; readonly status: number } {
  const found = error instanceof SyncError && error.cause instanceof Error ? error.cause : error;
  if (!(found instanceof Error)) return { name: '', status: 0 };
  const { $metadata: metadata } = found as Error & { $metadata?: { httpStatusCode?: number } };
  return { name: found.name, status: metadata?.httpStatusCode ?? 0 };
}

/** Nothing is connected or loaded before the first request. */
export function openBucket(access: S3Access, bucket: string, connections = 16): OpenBucket {
  let sdkClient: Promise<Sdk.S3Client> | null = null;
  const client = (): Promise<Sdk.S3Client> => (sdkClient ??= createSdkClient(access));
  let http: Promise<HttpClient> | null = null;
  let sent = 0;
  return {
    bucket, access,
    ask: async (run, signal, objectKey) => {
      const sdk = await import('@aws-sdk/client-s3');
      const opened = await client();
      return withRetries(async () => {
        try {
          sent += 1;
          return await run(opened, sdk);
        } catch (error) {
          const translated = errorOfSdk(error, signal, objectKey === undefined ? { isBucketRequest: true } : { objectKey });
          // The name S3 gave says more than its number.
          if (!(translated instanceof SyncError) || translated === error) throw translated;
          const { name, status } = providerOf(error);
          throw status === 0 || name === '' || name === 'Error' ? translated : new SyncError(translated.code, { ...translated.about, server: `${name} (${status})` }, { cause: error });
        }
      }, signal, { attempts: 4 });
    },
    send: async (request, signal) => {
      sent += 1;
      return (await (http ??= resolveEndpoint(access, bucket, client).then((endpoint) => createHttpClient(endpoint, connections)))).send(request, signal);
    },
    requests: () => sent,
    close: async () => {
      const [opened, lean] = await Promise.all([sdkClient?.catch(() => null), http?.catch(() => null)]);
      opened?.destroy();
      await lean?.close();
    },
  };
}
