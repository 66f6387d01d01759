import { useState, type ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { Button } from '@mantine/core';
import type { ConnectionView, FolderView, PreviewView, WireError } from '../../../preload/contract.ts';
import { ask, useAction } from '../../bridge.ts';
import { DirectionIcon, ErrorNote, ModeBadge } from '../../components/bits.tsx';
import { PreviewCounts } from '../../components/PreviewCounts.tsx';
import { shortPath } from '../../format.ts';
import { parseContext } from '../../mode-request.ts';
import { MODES, modeIdOf } from '../../modes.ts';
import { refreshFolders, useStore } from '../../store.ts';
import type { Draft } from '../Wizard.tsx';

export type Starter = {
  readonly preview: PreviewView | null;
  readonly error: WireError | null;
  readonly isBusy: boolean;
  readonly isReady: boolean;
  /** Pairs the folder with its place and asks what the first cycle would do; sends no file. */
  readonly prepare: () => void;
  /** @returns the folder, or null where starting failed. */
  readonly start: () => Promise<FolderView | null>;
  /** Takes the pairing back, so that an earlier step can be changed. */
  readonly forget: () => void;
};

export function useStart(draft: Draft, added: FolderView | null, setAdded: (folder: FolderView | null) => void): Starter {
  const [preview, setPreview] = useState<PreviewView | null>(null);
  const action = useAction();
  const prepare = (): void => void action.run(async () => {
    setPreview(null);
    const { connectionId, localPath, bucket, prefix, mode, keyId, names, direction, inspect, kmsKeyId, bucketKey, dsse, format } = draft;
    if (connectionId === null) return;
    const { family, needs } = MODES[mode];
    // A folder that is joined stays as it was chosen there.
    const isNew = (inspect?.existing ?? null) === null;
    const context = parseContext(draft.context) ?? {};
    const options = !isNew ? {} : {
      ...(needs === 'kms' ? { kmsKeyId } : {}), ...(family === 'client' ? { format } : {}),
      ...(modeIdOf(mode) === 'sse-kms' ? { bucketKey: bucketKey && !dsse, dsse, ...(Object.keys(context).length > 0 ? { encryptionContext: context } : {}) } : {}),
    };
    let folder = added;
    if (folder === null) {
      folder = await ask('folders.add', { localPath, connectionId, bucket, prefix, mode: modeIdOf(mode), keyId: needs === 'own' ? keyId : null, names, direction, ...options, createBucket: inspect?.bucketExists === false });
      setAdded(folder);
    }
    setPreview(await ask('folders.preview', { folderId: folder.id }));
  });
  return {
    preview, error: action.error, isBusy: action.isRunning, isReady: preview !== null && action.error === null, prepare,
    start: async () => {
      if (added === null) return null;
      const isStarted = await action.run(async () => {
        await ask('folders.start', { folderId: added.id });
        await refreshFolders();
      });
      return isStarted ? added : null;
    },
    forget: () => {
      setPreview(null);
      action.clear();
      setAdded(null);
      if (added !== null) void ask('folders.remove', { folderId: added.id }).catch(() => undefined);
    },
  };
}

/** What the first cycle would do, in counts and examples, before anything is sent. */
export function StartStep({ draft, connection, starter }: { draft: Draft; connection: ConnectionView | undefined; starter: Starter }): ReactElement {
  const { t } = useTranslation();
  const home = useStore((state) => state.info?.homeDirectory);
  const { preview, error, isBusy } = starter;
  return (
    <div className="wizard-narrow">
      <h1 className="hero">{t('preview.title')}</h1>
      <div className="row sm mute preview-flow">
        <span className="mono ell">{shortPath(draft.localPath, home)}</span>
        <DirectionIcon direction={draft.direction} size={16} />
        <span className="mono ell">{`s3://${draft.bucket}/${draft.prefix}`.replace(/\/$/, '')}</span>
        <span className="ell">{connection?.name}</span>
        <span className="grow" />
        <ModeBadge mode={draft.mode} />
      </div>
      {error !== null && <ErrorNote error={error}><Button onClick={starter.prepare}>{t('common.tryAgain')}</Button></ErrorNote>}
      {preview === null && isBusy && <p className="mute" role="status">{t('preview.comparing')}</p>}
      {preview !== null && <PreviewCounts preview={preview} />}
    </div>
  );
}
