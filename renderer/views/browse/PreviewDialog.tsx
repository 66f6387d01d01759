/** A file opened on this computer only: fetched, checked, and shown from memory. */
import { useEffect, useState, type ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { ActionIcon } from '@mantine/core';
import { IconLockOpen, IconX } from '@tabler/icons-react';
import type { BrowseRow, FolderView, RequestAnswer, WireError } from '../../../preload/contract.ts';
import { ask, wireOf } from '../../bridge.ts';
import { ErrorNote } from '../../components/bits.tsx';
import { Dialog } from '../../components/Dialog.tsx';
import { bytes, visible } from '../../format.ts';

type Preview = RequestAnswer<'preview.open'>;

/** Opens the file while `path` is set, and closes it after. */
export function usePreview(folderId: string, path: string | null): { preview: Preview | null; error: WireError | null } {
  const [state, setState] = useState<{ path: string | null; preview: Preview | null; error: WireError | null }>({ path: null, preview: null, error: null });
  useEffect(() => {
    if (path === null) return;
    let token: string | null = null;
    let isOver = false;
    const close = (): void => { if (token !== null) void ask('preview.close', { token }).catch(() => undefined); };
    ask('preview.open', { folderId, path }).then(
      (preview) => {
        ({ token } = preview);
        if (isOver) close();
        else setState({ path, preview, error: null });
      },
      (error: unknown) => isOver || setState({ path, preview: null, error: wireOf(error) }),
    );
    return () => {
      isOver = true;
      close();
    };
  }, [folderId, path]);
  return state.path === path ? state : { preview: null, error: null };
}

export function PreviewContent({ preview, name }: { preview: Preview; name: string }): ReactElement {
  const { t } = useTranslation();
  const [isBroken, setBroken] = useState(false);
  const source = `/preview/${preview.token}`;
  const cannot = <p className="mute preview-none">{t(isBroken ? 'look.broken' : 'look.none')}</p>;
  if (isBroken) return cannot;
  switch (preview.kind) {
    case 'image':
      return <img src={source} alt={name} onError={() => setBroken(true)} />;
    case 'text':
      // oxlint-disable-next-line no-noninteractive-tabindex -- it scrolls, so the keyboard must reach it
      return <pre tabIndex={0} className="selectable">{preview.text}{!preview.isWhole && `\n\n${t('look.cut')}`}</pre>;
    case 'pdf':
      // oxlint-disable-next-line iframe-missing-sandbox -- Chromium's own viewer does not start in a sandboxed frame; it is isolated by itself and its type is fixed
      return <iframe src={source} title={name} />;
    case 'audio':
      // oxlint-disable-next-line media-has-caption -- the user's own file has what it has
      return <audio src={source} controls autoPlay onError={() => setBroken(true)} aria-label={name} />;
    case 'video':
      // oxlint-disable-next-line media-has-caption -- the user's own file has what it has
      return <video src={source} controls autoPlay onError={() => setBroken(true)} aria-label={name} />;
    default:
      return cannot;
  }
}

export function PreviewDialog({ folder, row, onClose }: { folder: FolderView; row: BrowseRow; onClose: () => void }): ReactElement {
  const { t } = useTranslation();
  const { preview, error } = usePreview(folder.id, row.path);
  const name = visible(row.name);
  return (
    <Dialog name={t('look.of', { name })} width={960} onClose={onClose}>
      <div className="row preview-head"><h1 className="ell grow">{name}</h1><span className="sm mute row"><IconLockOpen size={14} stroke={1.9} aria-hidden="true" />{t('look.here')}</span><ActionIcon variant="subtle" size={26} aria-label={t('common.close')} onClick={onClose} data-autofocus><IconX size={16} stroke={1.75} /></ActionIcon></div>
      <div className="preview-stage">
        {error !== null && <ErrorNote error={error} />}
        {error === null && preview === null && <p className="mute" role="status">{t('look.opening', { bytes: bytes(row.sizeBytes ?? 0) })}</p>}
        {preview !== null && <PreviewContent preview={preview} name={name} />}
      </div>
    </Dialog>
  );
}
