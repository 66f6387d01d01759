/** What happened in a folder, one line per event, as the activity list shows it. */
export type ActivityKind =
  | 'uploaded' | 'downloaded' | 'deleted-local' | 'deleted-remote' | 'renamed' | 'two-versions' | 'adopted' | 'attributes-updated' | 'failed' | 'held' | 'joined' | 'restored';
export type ActivityEvent = { readonly atMs: number; readonly kind: ActivityKind; readonly path: string; readonly bytes: number; readonly detail: string | null };
