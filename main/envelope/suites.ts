/**
 * The algorithm suites of the Amazon S3 Encryption Client: ids, texts, lengths and limits, in one table.
 *
 * @see docs/format.md, "Client-side objects"
 */
export const TAG_BYTES = 16;
export const DATA_KEY_BYTES = 32;
export const MESSAGE_ID_BYTES = 28;
export const COMMITMENT_BYTES = 28;
export const GCM_IV_BYTES = 12;
export const CBC_IV_BYTES = 16;
/** What AES-GCM can encrypt under one key and IV: 2^36 - 32 bytes. */
export const MAX_PLAINTEXT_BYTES = 2 ** 36 - 32;

export type Suite = {
  readonly id: number;
  readonly name: string;
  /** What the wrap of the data key is bound to; also how the metadata names the content algorithm. */
  readonly algorithmText: string;
  readonly cipher: 'aes-256-gcm' | 'aes-256-cbc';
  readonly isCommitting: boolean;
  readonly isLegacy: boolean;
};

/** V3 objects. */
export const SUITE_COMMITTING: Suite = {
  id: 0x0073, name: 'ALG_AES_256_GCM_HKDF_SHA512_COMMIT_KEY', algorithmText: '115', cipher: 'aes-256-gcm', isCommitting: true, isLegacy: false,
};
/** V2 objects. */
export const SUITE_GCM: Suite = {
  id: 0x0072, name: 'ALG_AES_256_GCM_IV12_TAG16_NO_KDF', algorithmText: 'AES/GCM/NoPadding', cipher: 'aes-256-gcm', isCommitting: false, isLegacy: false,
};
/** V1 objects and old V2 ones: unauthenticated, read only, on an explicit switch. */
export const SUITE_CBC: Suite = {
  id: 0x0070, name: 'ALG_AES_256_CBC_IV16_NO_KDF', algorithmText: 'AES/CBC/PKCS5Padding', cipher: 'aes-256-cbc', isCommitting: false, isLegacy: true,
};

/** The IV of every V3 body; safe because each body has a content key of its own. */
export const COMMITTING_IV: Buffer = Buffer.alloc(GCM_IV_BYTES, 0x01);
/** The associated data of every V3 body: the suite's id. */
export const COMMITTING_AAD: Buffer = Buffer.from([0x00, 0x73]);
