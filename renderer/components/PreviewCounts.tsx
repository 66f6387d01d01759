/** What a first cycle would do, in counts and examples. */
import type { ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { IconArrowDown, IconArrowUp, IconChecks, IconEyeOff, IconGitFork, IconHelp, IconTrash } from '@tabler/icons-react';
import type { PreviewView } from '../../preload/contract.ts';
import { bytes, count, visible } from '../format.ts';

export function PreviewCounts({ preview }: { preview: PreviewView }): ReactElement {
  const { t } = useTranslation();
  const rows = [
    { key: 'upload', icon: IconArrowUp, value: preview.upload, says: t('preview.upload', { count: preview.upload }), size: preview.bytesUp },
    { key: 'download', icon: IconArrowDown, value: preview.download, says: t('preview.download', { count: preview.download }), size: preview.bytesDown },
    { key: 'adopt', icon: IconChecks, value: preview.adopt, says: t('preview.adopt', { count: preview.adopt }), size: null },
    { key: 'twoVersions', icon: IconGitFork, value: preview.twoVersions, says: t('preview.twoVersions', { count: preview.twoVersions }), size: null },
    { key: 'undecided', icon: IconHelp, value: preview.undecided, says: t('preview.undecided', { count: preview.undecided }), size: null },
    { key: 'delete', icon: IconTrash, value: preview.deleteLocal + preview.deleteRemote, says: t('preview.delete', { count: preview.deleteLocal + preview.deleteRemote }), size: null },
    { key: 'skipped', icon: IconEyeOff, value: preview.skipped, says: t('preview.skipped', { count: preview.skipped }), size: null },
  ].filter((row) => row.value > 0 || row.key === 'upload' || row.key === 'delete');
  return (
    <>
      <ul className="panel preview" aria-label={t('preview.title')}>
        {rows.map(({ key, icon: RowIcon, value, says, size }) => (
          <li key={key} className={value === 0 ? 'none' : key}>
            <RowIcon size={18} stroke={1.6} aria-hidden="true" />
            <span className="preview-count">{count(value)}</span>
            <span className="grow">{says}</span>
            <span className="sm mute">{size !== null && size > 0 ? bytes(size) : ''}</span>
          </li>
        ))}
      </ul>
      {preview.examples.length > 0 && (
        <details className="sm preview-examples">
          <summary>{t('preview.examples')}</summary>
          <ul>{preview.examples.map((example) => <li key={example.action + example.path}><bdi className="mono">{visible(example.path)}</bdi></li>)}</ul>
        </details>
      )}
      <p className="sm mute">{t('preview.union')}</p>
    </>
  );
}
