/** What is on S3, with the names and sizes that only this computer can read. */
import { useEffect, useRef, useState, type KeyboardEvent, type MouseEvent, type ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { ActionIcon, Button, TextInput, Tooltip, UnstyledButton } from '@mantine/core';
import {
  IconAlertTriangle, IconChecks, IconChevronDown, IconChevronRight, IconChevronUp, IconDownload, IconFile, IconFileMusic, IconFileText, IconFileTypePdf, IconFileUnknown, IconFileZip, IconFilter,
  IconFolder, IconMovie, IconPhoto, IconRefresh, IconTable, IconUpload, type Icon,
} from '@tabler/icons-react';
import { useVirtualizer } from '@tanstack/react-virtual';
import type { BrowseRow, FolderView } from '../../preload/contract.ts';
import { ask, useAction, useAnswer } from '../bridge.ts';
import { ErrorNote, ModeBadge } from '../components/bits.tsx';
import { useDrop } from '../components/drop.ts';
import { FoldArt, Padlock, SealedGlyph } from '../components/glyphs.tsx';
import { bytes, count, date, dateTime } from '../format.ts';
import { MODES, choiceOf } from '../modes.ts';
import { go, openWizard, useStore } from '../store.ts';
import { BrowseDetails } from './BrowseDetails.tsx';

const ROW_PX = 36;
const KINDS: readonly (readonly [RegExp, Icon])[] = [
  [/\.pdf$/i, IconFileTypePdf], [/\.(png|jpe?g|gif|webp|heic|tiff?|svg|cr3|nef|arw|dng)$/i, IconPhoto], [/\.(mov|mp4|mkv|avi|webm)$/i, IconMovie], [/\.(mp3|flac|wav|ogg|m4a)$/i, IconFileMusic],
  [/\.(zip|gz|xz|zst|7z|tar|rar)$/i, IconFileZip], [/\.(ods|xlsx?|csv|tsv)$/i, IconTable], [/\.(md|txt|odt|docx?|rtf|tex)$/i, IconFileText],
];
type Order = { by: 'name' | 'sizeBytes' | 'modifiedMs'; isDown: boolean };

function iconOf(row: BrowseRow): Icon {
  if (row.kind === 'directory') return IconFolder;
  if (row.protection === 'foreign') return IconFileUnknown;
  return KINDS.find(([pattern]) => pattern.test(row.name))?.[1] ?? IconFile;
}

function sorted(rows: readonly BrowseRow[], { by, isDown }: Order): BrowseRow[] {
  const sign = isDown ? -1 : 1;
  return rows.toSorted((left, right) => {
    if (left.kind !== right.kind) return left.kind === 'directory' ? -1 : 1;
    const first = by === 'name' ? 0 : (left[by] ?? -1) - (right[by] ?? -1);
    return sign * (first || left.name.localeCompare(right.name, undefined, { numeric: true }));
  });
}

function Crumbs({ folder, directory, folders }: { folder: FolderView; directory: string; folders: readonly FolderView[] }): ReactElement {
  const { t } = useTranslation();
  const parts = directory.split('/').filter((part) => part !== '');
  const to = (depth: number): void => go({ view: 'browse', folderId: folder.id, directory: parts.slice(0, depth).map((part) => `${part}/`).join('') });
  return (
    <nav className="row crumbs" aria-label={t('browse.where')}>
      {folders.length > 1 && <UnstyledButton onClick={() => go({ view: 'browse', folderId: null, directory: '' })}>{t('rail.folders')}</UnstyledButton>}
      {folders.length > 1 && <IconChevronRight size={16} stroke={1.75} aria-hidden="true" />}
      {MODES[folder.mode].family === 'client' && <span className="crumb-seal"><SealedGlyph size={16} /></span>}
      {parts.length === 0 ? <h1 className="crumb-here">{folder.name}</h1> : <UnstyledButton onClick={() => to(0)}>{folder.name}</UnstyledButton>}
      {parts.map((part, index) => (
        <span key={parts.slice(0, index + 1).join('/')} className="row">
          <IconChevronRight size={16} stroke={1.75} aria-hidden="true" />
          {index === parts.length - 1 ? <h1 className="crumb-here ell">{part}</h1> : <UnstyledButton className="ell" onClick={() => to(index + 1)}>{part}</UnstyledButton>}
        </span>
      ))}
      <span className="grow" />
      <ModeBadge mode={choiceOf(folder)} />
    </nav>
  );
}

function RowState({ row }: { row: BrowseRow }): ReactElement | null {
  const { t } = useTranslation();
  if (row.protection === 'foreign') return <span className="sts faint"><IconAlertTriangle size={14} stroke={1.9} aria-hidden="true" />{t('browse.foreign')}</span>;
  if (row.kind === 'directory') return null;
  if (row.isConfirmed) return <span className="sts ok"><IconChecks size={14} stroke={1.9} aria-hidden="true" />{t('browse.verified')}</span>;
  return <span className="sts faint">{t('browse.notYet')}</span>;
}

function Rows({ rows, selected, onSelect, onOpen }: { rows: readonly BrowseRow[]; selected: string | null; onSelect: (path: string) => void; onOpen: (row: BrowseRow) => void }): ReactElement {
  const { t } = useTranslation();
  const scroller = useRef<HTMLDivElement>(null);
  // oxlint-disable-next-line incompatible-library -- nothing here is memoised by a compiler
  const virtual = useVirtualizer({ count: rows.length, getScrollElement: () => scroller.current, estimateSize: () => ROW_PX, overscan: 12 });
  const at = rows.findIndex((row) => row.path === selected);
  const move = (event: KeyboardEvent): void => {
    const last = rows.length - 1;
    const page = Math.max(1, Math.floor((scroller.current?.clientHeight ?? 0) / ROW_PX) - 1);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: last, PageDown: at + page, PageUp: at - page }[event.key];
    const current = rows[at];
    if (event.key === 'Enter' && current !== undefined) onOpen(current);
    else if (to !== undefined) {
      const next = rows[Math.min(last, Math.max(0, to))];
      if (next === undefined) return;
      onSelect(next.path);
      virtual.scrollToIndex(rows.indexOf(next));
    } else return;
    event.preventDefault();
  };
  const rowUnder = (event: MouseEvent): BrowseRow | undefined => rows[Number((event.target as Element).closest('[role="row"]')?.getAttribute('aria-rowindex') ?? 0) - 1];
  const select = (event: MouseEvent): void => {
    const row = rowUnder(event);
    if (row !== undefined) onSelect(row.path);
  };
  const openIt = (event: MouseEvent): void => {
    const row = rowUnder(event);
    if (row !== undefined) onOpen(row);
  };
  return (
    <div className="rows" ref={scroller} role="grid" tabIndex={0} aria-label={t('browse.files')} aria-rowcount={rows.length} onKeyDown={move} onClick={select} onDoubleClick={openIt} aria-activedescendant={at < 0 ? undefined : `row-${at}`}>
      <div className="rows-all" role="rowgroup" style={{ height: virtual.getTotalSize() }}>
        {virtual.getVirtualItems().map(({ index, start }) => {
          const row = rows[index];
          if (row === undefined) return null;
          const RowIcon = iconOf(row);
          const isSelected = index === at;
          return (
            <div
              key={row.path} id={`row-${index}`} role="row" aria-rowindex={index + 1} aria-selected={isSelected} className={`tr browse-grid${isSelected ? ' sel' : ''}${row.protection === 'foreign' ? ' foreign' : ''}`}
              style={{ transform: `translateY(${start}px)` }}
            >
              <span className="row" role="gridcell"><span className="fi"><RowIcon size={18} stroke={1.6} aria-hidden="true" />{row.protection === 'sealed' && <Padlock />}</span><span className="ell">{row.name}</span></span>
              <span className="num sm mute" role="gridcell">{row.sizeBytes === null ? '' : bytes(row.sizeBytes)}</span>
              <span className="sm mute ell" role="gridcell">{row.modifiedMs === null ? (row.kind === 'file' ? t('common.notKnownYet') : '') : row.kind === 'directory' ? date(row.modifiedMs) : dateTime(row.modifiedMs)}</span>
              <span className="sm" role="gridcell"><RowState row={row} /></span>
            </div>
          );
        })}
      </div>
    </div>
  );
}

function Head({ order, setOrder }: { order: Order; setOrder: (order: Order) => void }): ReactElement {
  const { t } = useTranslation();
  const head = (by: Order['by'], className?: string): ReactElement => {
    const isOn = order.by === by;
    const Arrow = order.isDown ? IconChevronDown : IconChevronUp;
    return (
      <UnstyledButton className={className} aria-label={t('browse.sortBy', { column: t(`browse.columns.${by}`) })} aria-pressed={isOn} onClick={() => setOrder({ by, isDown: isOn && !order.isDown })}>
        {t(`browse.columns.${by}`)}{isOn && <Arrow size={14} stroke={1.9} aria-hidden="true" />}
      </UnstyledButton>
    );
  };
  return <div className="thead browse-grid">{head('name')}{head('sizeBytes', 'num')}{head('modifiedMs')}<span>{t('browse.columns.state')}</span></div>;
}

function FolderBrowser({ folder, directory, folders, order, setOrder }: { folder: FolderView; directory: string; folders: readonly FolderView[]; order: Order; setOrder: (order: Order) => void }): ReactElement {
  const { t } = useTranslation();
  const [text, setText] = useState('');
  const [selected, setSelected] = useState<string | null>(null);
  const [notice, setNotice] = useState<string | null>(null);
  const filter = useRef<HTMLInputElement>(null);
  const action = useAction();
  const { value, error, isLoading, reload } = useAnswer('browse.list', { folderId: folder.id, directory }, folder.status.lastSuccessMs);

  const rows = sorted((value?.rows ?? []).filter((row) => row.name.toLowerCase().includes(text.toLowerCase())), order);
  const current = rows.find((row) => row.path === selected) ?? null;
  const hasDetails = current !== null;
  const open = (row: BrowseRow): void => (row.kind === 'directory' ? go({ view: 'browse', folderId: folder.id, directory: row.path }) : save(row));
  const save = (row: BrowseRow): void => void action.run(async () => {
    const to = await ask('host.chooseSaveFile', { title: t('browse.saveTitle', { name: row.name }), suggestedName: row.name });
    if (to === null) return;
    const saved = await ask('browse.download', { folderId: folder.id, path: row.path, to });
    setNotice(t('browse.saved', { name: row.name, bytes: bytes(saved.bytes) }));
  });
  const upload = (files: string[]): void => void action.run(async () => {
    setNotice(t('browse.uploading', { count: files.length }));
    try {
      const sent = await ask('browse.upload', { folderId: folder.id, directory, files });
      setNotice(t('browse.uploaded', { count: sent.files, files: count(sent.files), bytes: bytes(sent.bytes) }));
    } catch (thrown) {
      setNotice(null);
      throw thrown;
    } finally {
      reload();
    }
  });
  const chooseUpload = async (): Promise<void> => {
    const file = await ask('host.chooseOpenFile', { title: t('browse.uploadTitle') }).catch(() => null);
    if (file !== null) upload([file]);
  };
  const drop = useDrop(upload);
  const keys = (event: globalThis.KeyboardEvent): void => {
    if (document.querySelector('[role="dialog"]') !== null) return;
    const isCommand = event.ctrlKey || event.metaKey;
    if (isCommand && event.key === 'f') filter.current?.focus();
    else if ((event.altKey || isCommand) && event.key === 'ArrowUp' && directory !== '') go({ view: 'browse', folderId: folder.id, directory: directory.replace(/[^/]+\/$/, '') });
    else if (event.key === 'F5') reload();
    else if (event.key === 'Escape' && selected !== null) setSelected(null);
    else return;
    event.preventDefault();
  };
  useEffect(() => {
    window.addEventListener('keydown', keys);
    return () => window.removeEventListener('keydown', keys);
  });

  return (
    <div className={hasDetails ? 'browse has-details' : 'browse'}>
      <div className="browse-list" {...drop.handlers}>
        <div className="browse-head">
          <Crumbs folder={folder} directory={directory} folders={folders} />
          <div className="row">
            <TextInput
              className="grow" ref={filter} leftSection={<IconFilter size={16} stroke={1.75} />} rightSection={<span className="kbd">{t('browse.filterKeys')}</span>} rightSectionWidth={58} rightSectionPointerEvents="none"
              placeholder={t('browse.filter')} aria-label={t('browse.filter')} value={text} onChange={(event) => setText(event.currentTarget.value)}
            />
            <Button leftSection={<IconUpload size={16} />} onClick={() => void chooseUpload()} loading={action.isRunning}>{t('browse.upload')}</Button>
            <Button leftSection={<IconDownload size={16} />} disabled={current?.kind !== 'file' || current.protection === 'foreign'} onClick={() => current !== null && save(current)}>{t('browse.saveTo')}</Button>
            <Tooltip label={t('browse.refresh')}><ActionIcon size={32} onClick={reload} aria-label={t('browse.refresh')}><IconRefresh size={16} stroke={1.75} /></ActionIcon></Tooltip>
          </div>
          {(error ?? action.error) !== null && <ErrorNote error={(error ?? action.error)!} />}
        </div>
        <Head order={order} setOrder={setOrder} />
        <div className="rows-frame">
          <Rows rows={rows} selected={selected} onSelect={setSelected} onOpen={open} />
          {value !== null && rows.length === 0 && (
            <p className="rows-empty mute">
              {text === '' ? t('browse.empty') : <>{t('browse.noneFits')} <UnstyledButton className="link" onClick={() => setText('')}>{t('browse.clearFilter')}</UnstyledButton></>}
            </p>
          )}
          {value === null && isLoading && <p className="rows-empty mute" role="status">{t('browse.listing')}</p>}
          {drop.isOver && <div className="drop-over"><FoldArt holds="place" width={140} /><span className="b">{t('browse.dropHere', { place: directory === '' ? folder.name : directory })}</span><span className="sm mute">{t(MODES[folder.mode].family === 'client' ? 'browse.dropSealed' : 'browse.dropPlain')}</span></div>}
        </div>
        <footer className="row sm mute browse-foot">
          <span role="status">{notice ?? t('browse.items', { count: rows.length, items: count(rows.length) })}</span>
          <span className="grow" />
          {value?.isComplete === false && <span>{t('browse.incomplete')}</span>}
        </footer>
      </div>
      {current !== null && <BrowseDetails folder={folder} row={current} onSave={() => save(current)} onClose={() => setSelected(null)} isSaving={action.isRunning} onOpen={() => open(current)} />}
    </div>
  );
}

export function BrowseView({ folderId, directory }: { folderId: string | null; directory: string }): ReactElement {
  const { t } = useTranslation();
  const folders = useStore((state) => state.folders);
  const folder = folders.find((one) => one.id === folderId) ?? (folders.length === 1 ? folders[0] : undefined);
  const [order, setOrder] = useState<Order>({ by: 'name', isDown: false });
  if (folder !== undefined) return <FolderBrowser key={`${folder.id}/${directory}`} folder={folder} directory={directory} folders={folders} order={order} setOrder={setOrder} />;
  return (
    <div className="page">
      <header className="page-head"><h1>{t('rail.browse')}</h1></header>
      {folders.length === 0 ? (
        <p className="mute quiet">{t('browse.noFolders')} <UnstyledButton className="link" onClick={() => openWizard()}>{t('folders.add')}</UnstyledButton></p>
      ) : (
        <ul className="panel pick">
          {folders.map((one) => (
            <li key={one.id}>
              <UnstyledButton onClick={() => go({ view: 'browse', folderId: one.id, directory: '' })}>
                <IconFolder size={18} stroke={1.6} aria-hidden="true" /><span className="b">{one.name}</span><span className="mono sm mute ell grow">{`s3://${one.bucket}/${one.prefix}`}</span><ModeBadge mode={choiceOf(one)} />
              </UnstyledButton>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
