import type { ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { ActionIcon, Button } from '@mantine/core';
import { IconAlertTriangle, IconArrowRight, IconChecks, IconDownload, IconFolderOpen, IconInfoCircle, IconKey, IconX } from '@tabler/icons-react';
import type { BrowseRow, FolderView } from '../../preload/contract.ts';
import { Copyable, Fact } from '../components/bits.tsx';
import { SealedGlyph } from '../components/glyphs.tsx';
import { bytes, longDateTime } from '../format.ts';

type Props = { folder: FolderView; row: BrowseRow; onSave: () => void; onOpen: () => void; onClose: () => void; isSaving: boolean };

function Verdict({ row }: { row: BrowseRow }): ReactElement {
  const { t } = useTranslation();
  if (row.protection === 'foreign') return <div className="verdict foreign"><IconAlertTriangle size={18} stroke={1.6} aria-hidden="true" /><div><b>{t('browse.foreign')}</b><p className="sm">{t('details.foreignSays')}</p></div></div>;
  if (!row.isConfirmed) return <div className="verdict"><IconInfoCircle size={18} stroke={1.6} aria-hidden="true" /><div><b>{t('details.notVerified')}</b><p className="sm">{t('details.notVerifiedSays')}</p></div></div>;
  return <div className="verdict ok"><IconChecks size={18} stroke={1.6} aria-hidden="true" /><div><b>{t('browse.verified')}</b><p className="sm">{t(row.protection === 'sealed' ? 'details.verifiedSealed' : 'details.verifiedServer')}</p></div></div>;
}

/** First the verdict, then key, data key and content, then facts, then what can be done. */
export function BrowseDetails({ folder, row, onSave, onOpen, onClose, isSaving }: Props): ReactElement {
  const { t } = useTranslation();
  const isSealed = row.protection === 'sealed';
  return (
    <aside className="details" aria-label={t('details.label', { name: row.name })}>
      <div className="row details-head"><h2 className="grow">{row.name}</h2><ActionIcon variant="subtle" size={26} aria-label={t('common.close')} onClick={onClose}><IconX size={16} stroke={1.75} /></ActionIcon></div>
      <p className="sm mute details-sub">{row.kind === 'directory' ? t('details.directory') : [row.sizeBytes === null ? null : bytes(row.sizeBytes), row.modifiedMs === null ? null : t('details.changed', { at: longDateTime(row.modifiedMs) })].filter((one) => one !== null).join(', ')}</p>
      {row.kind === 'file' && <Verdict row={row} />}
      {isSealed && row.kind === 'file' && (
        <>
          <h3>{t('details.envelope')}</h3>
          <div className="chain">
            <div className="link-box"><IconKey size={18} stroke={1.6} aria-hidden="true" /><b className="ell">{folder.keyName ?? t('picture.yourKey')}</b><span>{t('picture.inKeychain')}</span></div>
            <IconArrowRight size={14} stroke={1.9} aria-hidden="true" />
            <div className="link-box"><SealedGlyph size={16} /><b>{t('details.dataKey')}</b><span>{t('details.forThisVersion')}</span></div>
            <IconArrowRight size={14} stroke={1.9} aria-hidden="true" />
            <div className="link-box tinted"><b>{row.sizeBytes === null ? '' : bytes(row.sizeBytes)}</b><span>{t('details.onS3')}</span></div>
          </div>
        </>
      )}
      <dl className="facts">
        {row.kind === 'file' && <Fact name={t('details.content')}>{t(`details.contents.${row.protection}`)}</Fact>}
        {isSealed && <Fact name={t('folder.names')}>{t(`names.${folder.names}`)}</Fact>}
        <Fact name={t('details.nameOnS3')}><Copyable value={row.objectKey} /></Fact>
        {isSealed && row.kind === 'file' && <Fact name={t('details.opensWith')}>{t('details.opensWithSays')}</Fact>}
      </dl>
      <div className="row details-acts">
        {row.kind === 'directory' ? <Button variant="filled" fullWidth leftSection={<IconFolderOpen size={16} />} onClick={onOpen}>{t('details.open')}</Button> : <Button variant="filled" fullWidth leftSection={<IconDownload size={16} />} disabled={row.protection === 'foreign'} loading={isSaving} onClick={onSave}>{t('browse.saveTo')}</Button>}
      </div>
    </aside>
  );
}
