/** What an endpoint and bucket really enforce, as `probe.ts` found out by trying. */
export type Capabilities = {
  /**
   * `full`: conditions hold on PUT, complete and DELETE. `put-only`: on PUT only. `versioned-only`: on nothing, but the
   * bucket keeps versions. `none`: neither.
   */
  readonly level: 'full' | 'put-only' | 'versioned-only' | 'none';
  /** `If-None-Match: *` on PUT refuses to replace. */
  readonly createIfAbsent: boolean;
  /** `If-Match` on PUT refuses to replace another version, with the ETag sent this way; null where it is not enforced. */
  readonly ifMatchQuoting: 'quoted' | 'unquoted' | null;
  readonly conditionalComplete: boolean;
  readonly conditionalCopy: boolean;
  readonly conditionalDelete: boolean;
  readonly isVersioned: boolean;
  /** User metadata of the size Enfold needs comes back unchanged. */
  readonly keepsMetadata: boolean;
  /** Server clock minus this computer's, as the answers' Date tells; good to about a second. */
  readonly clockSkewMs: number;
  readonly probedAtMs: number;
};
