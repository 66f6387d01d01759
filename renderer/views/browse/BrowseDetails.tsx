/** One object: the server's own answer as proof, the envelope, older versions, and what can be done. */
import { useState, type ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { ActionIcon, Button, SegmentedControl } from '@mantine/core';
import { IconAlertTriangle, IconArrowRight, IconChecks, IconCloudLock, IconDownload, IconEye, IconFolderOpen, IconInfoCircle, IconKey, IconLockOpen, IconRestore, IconX } from '@tabler/icons-react';
import type { BrowseFacts, BrowseRow, FolderView, WireError } from '../../../preload/contract.ts';
import { ask, useAction, useAnswer } from '../../bridge.ts';
import { Copyable, ErrorNote, Fact } from '../../components/bits.tsx';
import { SealedGlyph } from '../../components/glyphs.tsx';
import { bytes, dateTime, fingerprint, longDateTime, time, visible } from '../../format.ts';
import { MODES, choiceOf } from '../../modes.ts';
import { Explanation } from './Explanation.tsx';
import { PreviewContent, usePreview } from './PreviewDialog.tsx';

type Props = { folder: FolderView; row: BrowseRow; onSave: () => void; onOpen: () => void; onPreview: () => void; onClose: () => void; onRestored: () => void; isSaving: boolean };

/** Shown at once, without being asked for: pictures that cost little to fetch. */
const OWN_PREVIEW_BYTES = 4_000_000;
const PICTURE = /\.(png|jpe?g|gif|webp|avif|bmp|svg)$/i;

function Verdict({ row, facts, error, folder }: { row: BrowseRow; facts: BrowseFacts | null; error: WireError | null; folder: FolderView }): ReactElement {
  const { t } = useTranslation();
  if (row.protection === 'foreign') return <div className="verdict foreign"><IconAlertTriangle size={18} stroke={1.6} aria-hidden="true" /><div><b>{t('browse.foreign')}</b><p className="sm">{t('details.foreignSays')}</p></div></div>;
  const problem = facts?.problem ?? error;
  if (problem !== null) return <ErrorNote error={problem} />;
  if (facts === null) return <div className="verdict" role="status"><IconInfoCircle size={18} stroke={1.6} aria-hidden="true" /><div><b>{t('details.asking')}</b><p className="sm">{t('details.askingSays')}</p></div></div>;
  const says = facts.envelope !== null ? t('details.verifiedSealed') : t('details.verifiedServer', { how: facts.server.isCustomerKey ? MODES['sse-c'].tag : (facts.server.algorithm ?? t('details.nothing')), asked: MODES[choiceOf(folder)].tag });
  return <div className="verdict ok"><IconChecks size={18} stroke={1.6} aria-hidden="true" /><div><b>{t('details.verifiedAt', { at: time(facts.atMs) })}</b><p className="sm">{says}</p></div></div>;
}

function Versions({ folder, row, onRestored }: { folder: FolderView; row: BrowseRow; onRestored: () => void }): ReactElement {
  const { t } = useTranslation();
  const { value, error, isLoading } = useAnswer('browse.versions', { folderId: folder.id, path: row.path });
  const action = useAction();
  const restore = (versionId: string): void => void action.run(async () => {
    await ask('browse.restore', { folderId: folder.id, path: row.path, versionId });
    onRestored();
  });
  return (
    <section aria-label={t('details.versions')}>
      {(error ?? action.error) !== null && <ErrorNote error={(error ?? action.error)!} />}
      {value === null && isLoading && <p className="sm mute" role="status">{t('common.loading')}</p>}
      <ul className="versions">
        {(value ?? []).map((version) => (
          <li key={version.versionId}>
            <span className="col grow"><span className="sm b">{version.isDeletion ? t('details.deletedThen') : dateTime(version.atMs)}</span><span className="xs mute">{version.isLatest ? t('details.current') : version.isDeletion ? dateTime(version.atMs) : ''} {version.sizeBytes === null ? '' : bytes(version.sizeBytes)}</span></span>
            {!version.isLatest && !version.isDeletion && <Button size="xs" leftSection={<IconRestore size={14} />} disabled={action.isRunning} onClick={() => restore(version.versionId)} aria-label={t('details.restoreOf', { at: dateTime(version.atMs) })}>{t('details.restore')}</Button>}
          </li>
        ))}
      </ul>
      {value !== null && value.length < 2 && <p className="sm mute">{t('details.oneVersion')}</p>}
    </section>
  );
}

export function BrowseDetails({ folder, row, onSave, onOpen, onPreview, onClose, onRestored, isSaving }: Props): ReactElement {
  const { t } = useTranslation();
  const [tab, setTab] = useState<'facts' | 'versions' | 'explain'>('facts');
  const isFile = row.kind === 'file';
  const isOurs = isFile && row.protection !== 'foreign';
  const { value: facts, error } = useAnswer('browse.facts', isOurs ? { folderId: folder.id, path: row.path } : null, row.modifiedMs);
  const { preview } = usePreview(folder.id, isOurs && PICTURE.test(row.name) && (row.sizeBytes ?? OWN_PREVIEW_BYTES) < OWN_PREVIEW_BYTES ? row.path : null);
  const isSealed = row.protection === 'sealed';
  const envelope = facts?.envelope ?? null;
  const commitment = envelope?.commitment ?? null;
  const keyFingerprint = envelope?.keyFingerprint ?? null;
  const kmsKeyId = facts?.server.kmsKeyId ?? null;
  const sha256 = facts?.sha256 ?? null;
  const holder = folder.keyName ?? folder.modeDetails.kmsKeyId;
  return (
    <aside className="details" aria-label={t('details.label', { name: visible(row.name) })}>
      {preview?.kind === 'image' && <div className="details-picture"><PreviewContent preview={preview} name={visible(row.name)} /><span className="sm mute row"><IconLockOpen size={14} stroke={1.9} aria-hidden="true" />{t('look.here')}</span></div>}
      <div className="row details-head"><h2 className="grow"><bdi>{visible(row.name)}</bdi></h2><ActionIcon variant="subtle" size={26} aria-label={t('common.close')} onClick={onClose}><IconX size={16} stroke={1.75} /></ActionIcon></div>
      <p className="sm mute details-sub">{isFile ? [row.sizeBytes === null ? null : bytes(row.sizeBytes), row.modifiedMs === null ? null : t('details.changed', { at: longDateTime(row.modifiedMs) })].filter((one) => one !== null).join(', ') : t('details.directory')}</p>
      {isFile && <Verdict row={row} facts={facts} error={error} folder={folder} />}
      {isOurs && (
        <div className="row details-tabs">
          <h3 className="grow">{isSealed ? t('details.envelope') : t('details.encryption')}</h3>
          <SegmentedControl withItemsBorders={false} size="xs" aria-label={t('common.details')} value={tab} onChange={setTab} classNames={{ root: 'seg', label: 'seg-label', indicator: 'seg-on' }} data={[{ value: 'facts', label: t('details.facts') }, { value: 'versions', label: t('details.versions') }, { value: 'explain', label: t('details.explain') }]} />
        </div>
      )}
      {isOurs && tab === 'versions' && <Versions folder={folder} row={row} onRestored={onRestored} />}
      {isOurs && tab === 'explain' && <Explanation folder={folder} row={row} />}
      {tab === 'facts' && isOurs && (
        <div className={isSealed ? 'chain' : 'chain server'}>
          <div className="link-box">{isSealed && folder.keyName !== null ? <IconKey size={18} stroke={1.6} aria-hidden="true" /> : <IconCloudLock size={18} stroke={1.6} aria-hidden="true" />}<b className="ell">{holder ?? t('folder.keyOfS3')}</b><span>{folder.keyName === null ? (folder.mode === 'sse-s3' ? t('details.atS3') : t('details.inKms')) : t('picture.inKeychain')}</span></div>
          <IconArrowRight size={14} stroke={1.9} aria-hidden="true" />
          {folder.mode !== 'sse-c' && <><div className="link-box"><SealedGlyph size={16} /><b>{t('details.dataKey')}</b><span>{t('details.forThisVersion')}</span></div><IconArrowRight size={14} stroke={1.9} aria-hidden="true" /></>}
          <div className="link-box tinted"><b>{row.sizeBytes === null ? '' : bytes(row.sizeBytes)}</b><span>{t('details.onS3')}</span></div>
        </div>
      )}
      {tab === 'facts' && (
        <dl className="facts">
          {isFile && <Fact name={t('details.content')}>{t(`details.contents.${row.protection}`)}{envelope !== null && `, ${envelope.format.toUpperCase()}`}</Fact>}
          {commitment !== null && <Fact name={t('details.commitment')}><span className="mono">{commitment.slice(0, 16).replace(/(.{4})(?=.)/g, '$1 ')}</span> <span className="ok-ink sm">{facts?.problem === null ? t('details.matches') : ''}</span></Fact>}
          {keyFingerprint !== null && <Fact name={t('details.fingerprint')}><span className="mono">{fingerprint(keyFingerprint)}</span></Fact>}
          {facts !== null && <Fact name={t('details.serverSays')}>{facts.server.isCustomerKey ? t('details.customerKey') : (facts.server.algorithm ?? t('details.nothing'))}</Fact>}
          {kmsKeyId !== null && <Fact name={t('details.kmsKey')}><Copyable value={kmsKeyId} /></Fact>}
          {sha256 !== null && <Fact name={t('details.hash')}><Copyable value={sha256} /></Fact>}
          {isSealed && <Fact name={t('folder.names')}>{t(`names.${folder.names}`)}</Fact>}
          <Fact name={t('details.nameOnS3')}><Copyable value={row.objectKey} /></Fact>
          {isSealed && isFile && <Fact name={t('details.opensWith')}>{t('details.opensWithSays')}</Fact>}
        </dl>
      )}
      <div className="row details-acts">
        {!isFile ? <Button variant="filled" fullWidth leftSection={<IconFolderOpen size={16} />} onClick={onOpen}>{t('details.open')}</Button> : (
          <>
            <Button variant="filled" className="btn grow" leftSection={<IconDownload size={16} />} disabled={!isOurs} loading={isSaving} onClick={onSave}>{t('browse.saveTo')}</Button>
            <Button className="btn grow" leftSection={<IconEye size={16} />} rightSection={<span className="kbd">{t('browse.previewKey')}</span>} disabled={!isOurs} onClick={onPreview}>{t('browse.preview')}</Button>
          </>
        )}
      </div>
    </aside>
  );
}
