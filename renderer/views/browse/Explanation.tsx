/** How one object is encrypted, in words, and the commands that read it without this window. */
import type { ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import type { BrowseRow, FolderView } from '../../../preload/contract.ts';
import { useAnswer } from '../../bridge.ts';
import { Copyable, ErrorNote } from '../../components/bits.tsx';

export function Explanation({ folder, row }: { folder: FolderView; row: BrowseRow }): ReactElement {
  const { t } = useTranslation();
  const { value, error } = useAnswer('browse.explain', { folderId: folder.id, path: row.path }, row.modifiedMs);
  return (
    <section aria-label={t('details.explain')} className="explanation">
      {error !== null && <ErrorNote error={error} />}
      {value === null && error === null && <p className="sm mute" role="status">{t('details.asking')}</p>}
      {value?.words.map((sentence) => <p key={sentence} className="sm">{sentence}</p>)}
      {value?.commands.map(({ tool, lines, note }) => (
        <div key={tool} className="col command">
          <div className="row"><h4 className="sm grow">{tool}</h4><Copyable value={lines.join('\n')} isButtonOnly /></div>
          {note !== null && <span className="xs mute">{note}</span>}
          {/* oxlint-disable-next-line no-noninteractive-tabindex -- it scrolls, so the keyboard must reach it */}
          <pre className="mono xs selectable" tabIndex={0} aria-label={t('details.commandsFor', { tool })}>{lines.join('\n')}</pre>
        </div>
      ))}
    </section>
  );
}
