/** A folder as it was at a time, and what was deleted in it since: looked through, and brought back in part or whole. */
import { useState, type ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { ActionIcon, Button, SegmentedControl, TextInput, Tooltip, UnstyledButton } from '@mantine/core';
import { IconArrowLeft, IconChevronRight, IconFilter, IconRefresh, IconRestore } from '@tabler/icons-react';
import type { BrowseRow, FolderView, RequestAnswer } from '../../../preload/contract.ts';
import { ErrorNote, ModeBadge } from '../../components/bits.tsx';
import { bytes, count, visible } from '../../format.ts';
import { choiceOf } from '../../modes.ts';
import { go, useStore } from '../../store.ts';
import { useListing } from '../browse/listing.ts';
import { NOTHING_SELECTED, Rows, type Selection } from '../browse/Rows.tsx';
import { RestoreDialog } from './RestoreDialog.tsx';

const NO_PATHS: ReadonlySet<string> = new Set();
const ORDER = { by: 'name', isDown: false } as const;
const nothing = (): void => undefined;

/** What a field for date and time holds, by this computer's clock: `2026-11-20T17:42:10`. */
function fieldOf(ms: number): string {
  const date = new Date(ms - new Date(ms).getTimezoneOffset() * 60_000);
  return date.toISOString().slice(0, 19);
}

type Asked = { paths: readonly string[]; atMs: number | null; what: string };

function Past({ folder, start }: { folder: FolderView; start: string }): ReactElement {
  const { t } = useTranslation();
  const [shows, setShows] = useState<'at' | 'deleted'>('at');
  const [field, setField] = useState(() => fieldOf(Date.now()));
  const [atMs, setAtMs] = useState(() => Math.floor(Date.now() / 1000) * 1000);
  const [directory, setDirectory] = useState(start);
  const [text, setText] = useState('');
  const [selection, setSelection] = useState<Selection>(NOTHING_SELECTED);
  const [asked, setAsked] = useState<Asked | null>(null);
  const [report, setReport] = useState<RequestAnswer<'folders.restore'> | null>(null);
  const then = shows === 'at' ? atMs : null;
  const isDeep = text !== '';
  // Every version in the bucket is listed for it, so it is asked for again only when somebody wants that.
  const listing = useListing(folder.id, directory, isDeep, text, ORDER, null, { atMs: then });
  const chosen = [...selection.rows.values()];
  const parts = directory.split('/').filter((part) => part !== '');
  const show = (inside: string): void => {
    setDirectory(inside);
    setSelection(NOTHING_SELECTED);
    setText('');
  };
  const typed = (value: string): void => {
    setField(value);
    const ms = new Date(value).getTime();
    if (!Number.isNaN(ms) && ms > 0) setAtMs(ms);
    setSelection(NOTHING_SELECTED);
  };
  const askFor = (rows: readonly BrowseRow[]): void => {
    setReport(null);
    const [only] = rows;
    const what = rows.length === 0 || only === undefined ? t('past.askAll', { place: visible(parts.at(-1) ?? folder.name) }) : rows.length === 1 ? visible(only.name) : t('past.askMany', { count: rows.length, items: count(rows.length) });
    setAsked({ paths: rows.length === 0 ? [directory] : rows.map(({ path }) => path), atMs: then, what });
  };
  return (
    <div className="browse">
      <div className="browse-list">
        <div className="browse-head">
          <nav className="row crumbs" aria-label={t('browse.where')}>
            <UnstyledButton onClick={() => go({ view: 'browse', folderId: folder.id, directory })} aria-label={t('past.back')}><IconArrowLeft size={16} stroke={1.75} aria-hidden="true" /></UnstyledButton>
            {parts.length === 0 ? <h1 className="crumb-here ell">{t('past.title', { name: visible(folder.name) })}</h1> : <UnstyledButton className="ell" onClick={() => show('')}>{t('past.title', { name: visible(folder.name) })}</UnstyledButton>}
            {parts.map((part, index) => (
              <span key={parts.slice(0, index + 1).join('/')} className="row">
                <IconChevronRight size={16} stroke={1.75} aria-hidden="true" />
                {index === parts.length - 1 ? <h1 className="crumb-here ell"><bdi>{visible(part)}</bdi></h1> : <UnstyledButton className="ell" onClick={() => show(`${parts.slice(0, index + 1).join('/')}/`)}><bdi>{visible(part)}</bdi></UnstyledButton>}
              </span>
            ))}
            <span className="grow" /><ModeBadge mode={choiceOf(folder)} />
          </nav>
          <div className="row past-tools">
            <SegmentedControl withItemsBorders={false} aria-label={t('past.which')} value={shows} onChange={(value) => { setShows(value); setSelection(NOTHING_SELECTED); }} classNames={{ root: 'seg', label: 'seg-label', indicator: 'seg-on' }} data={[{ value: 'at', label: t('past.shows.at') }, { value: 'deleted', label: t('past.shows.deleted') }]} />
            {shows === 'at' && <TextInput type="datetime-local" step={1} aria-label={t('past.at')} value={field} onChange={(event) => typed(event.currentTarget.value)} />}
            <TextInput className="grow" leftSection={<IconFilter size={16} stroke={1.75} />} placeholder={t('past.filter')} aria-label={t('past.filter')} value={text} onChange={(event) => { setText(event.currentTarget.value); setSelection(NOTHING_SELECTED); }} />
            <Tooltip label={t('browse.refresh')}><ActionIcon size={32} onClick={listing.reload} aria-label={t('browse.refresh')}><IconRefresh size={16} stroke={1.75} /></ActionIcon></Tooltip>
            <Button variant="filled" leftSection={<IconRestore size={16} />} disabled={listing.total === 0} onClick={() => askFor(chosen)}>{t(chosen.length === 0 ? 'past.restoreAll' : 'past.restore')}</Button>
          </div>
          <p className="sm mute">{t('past.says')}</p>
          {listing.error !== null && <ErrorNote error={listing.error} />}
          {(report?.failed.length ?? 0) > 0 && (
            <div className="note sm" role="alert"><div className="col"><span>{t('past.failed', { count: report?.failed.length ?? 0 })}</span><ul>{report?.failed.slice(0, 10).map(({ path, error }) => <li key={path}><bdi className="mono">{visible(path ?? '')}</bdi> <span className="mute">{visible(error.says)} {visible(error.next)}</span></li>)}</ul></div></div>
          )}
        </div>
        <div className="thead browse-grid"><span>{t('browse.columns.name')}</span><span className="num">{t('browse.columns.sizeBytes')}</span><span>{t('past.stored')}</span><span>{t('browse.columns.state')}</span></div>
        <div className="rows-frame">
          <Rows listing={listing} selection={selection} isDeep={isDeep} directory={directory} going={NO_PATHS} onSelect={setSelection} onOpen={(row) => (row.kind === 'directory' ? show(row.path) : askFor([row]))} onMenu={nothing} onDrag={nothing} />
          {!listing.isLoading && listing.total === 0 && listing.error === null && <p className="rows-empty mute">{t(text !== '' ? 'browse.noneFits' : shows === 'at' ? 'past.none' : 'past.noneDeleted')}</p>}
          {listing.isLoading && <p className="rows-empty mute" role="status">{t('past.looking')}</p>}
        </div>
        <footer className="row sm mute browse-foot">
          <span role="status">{report !== null ? t('past.done', { count: report.restored, value: count(report.restored), bytes: bytes(report.bytes) }) : chosen.length > 0 ? t('past.chosen', { count: chosen.length, items: count(chosen.length) }) : t('past.count', { count: listing.total, items: count(listing.total) })}</span>
        </footer>
      </div>
      {asked !== null && <RestoreDialog folder={folder} wanted={asked} onClose={() => setAsked(null)} onDone={(done) => { setAsked(null); setReport(done); setSelection(NOTHING_SELECTED); listing.reload(); }} />}
    </div>
  );
}

export function PastView({ folderId, start }: { folderId: string; start: string }): ReactElement {
  const { t } = useTranslation();
  const folder = useStore((state) => state.folders.find(({ id }) => id === folderId));
  if (folder === undefined) return <div className="page"><p className="mute">{t('folder.gone')}</p></div>;
  return <Past folder={folder} start={start} />;
}
