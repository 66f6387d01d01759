/** Who is in a folder, invitations out, and removing somebody with what that can and cannot do. */
import { useState, type ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { Button, SegmentedControl, TextInput } from '@mantine/core';
import { IconUserPlus } from '@tabler/icons-react';
import type { FolderView, MemberView, RequestAnswer } from '../../preload/contract.ts';
import { ask, useAction, useAnswer } from '../bridge.ts';
import { Copyable, ErrorNote, useNow } from '../components/bits.tsx';
import { Dialog } from '../components/Dialog.tsx';
import { PassphraseFields } from '../components/PassphraseFields.tsx';
import { date, fingerprint, slug, visible } from '../format.ts';
import { refreshFolders, refreshKeys } from '../store.ts';

const DAYS = 14;

function Invite({ folder, onClose, onDone }: { folder: FolderView; onClose: () => void; onDone: (recipientFingerprint: string | null) => void }): ReactElement {
  const { t } = useTranslation();
  const [name, setName] = useState('');
  const [by, setBy] = useState<'recipient' | 'passphrase'>('recipient');
  const [recipient, setRecipient] = useState('');
  const [passphrase, setPassphrase] = useState<string | null>(null);
  const action = useAction();
  const isReady = name.trim() !== '' && (by === 'recipient' ? recipient.trim() !== '' : passphrase !== null);
  const invite = (): void => void action.run(async () => {
    const file = await ask('host.chooseSaveFile', { title: t('people.saveTitle'), suggestedName: `${slug(name)}.age` });
    if (file === null) return;
    const { fingerprint: theirs } = await ask('sharing.invite', { folderId: folder.id, recipient: by === 'recipient' ? recipient.trim() : null, passphrase: by === 'passphrase' ? passphrase : null, file, name: name.trim(), days: DAYS });
    onDone(theirs);
  });
  return (
    <Dialog name={t('people.inviteTitle', { name: folder.name })} width={520} onClose={onClose}>
      <form onSubmit={(event) => { event.preventDefault(); if (isReady) invite(); }}>
        <div className="dialog-body">
          <h1>{t('people.inviteTitle', { name: folder.name })}</h1>
          <p className="mute">{t('people.inviteSays', { days: DAYS })}</p>
          <TextInput label={t('people.name')} value={name} onChange={(event) => setName(event.currentTarget.value)} data-autofocus />
          <SegmentedControl aria-label={t('people.by')} value={by} onChange={setBy} data={[{ value: 'recipient', label: t('people.byRecipient') }, { value: 'passphrase', label: t('people.byPassphrase') }]} />
          {by === 'recipient' ? <TextInput className="mono-input" label={t('people.recipient')} description={t('people.recipientSays')} value={recipient} onChange={(event) => setRecipient(event.currentTarget.value)} spellCheck={false} /> : <PassphraseFields onChange={setPassphrase} onEnter={() => isReady && invite()} />}
          {action.error !== null && <ErrorNote error={action.error} />}
        </div>
        <div className="foot"><span className="grow" /><Button onClick={onClose}>{t('common.cancel')}</Button><Button variant="filled" type="submit" disabled={!isReady} loading={action.isRunning}>{t('people.invite')}</Button></div>
      </form>
    </Dialog>
  );
}

function Remove({ folder, member, onClose, onDone }: { folder: FolderView; member: MemberView; onClose: () => void; onDone: (newKeyName: string | null) => void }): ReactElement {
  const { t } = useTranslation();
  const action = useAction();
  const isIn = member.acceptedAtMs !== null;
  const getsKey = isIn && folder.keyId !== null;
  const remove = (): void => void action.run(async () => {
    const { newKeyName } = await ask('sharing.withdraw', { folderId: folder.id, memberId: member.id, mayChangeKey: getsKey });
    await Promise.all([refreshFolders(), refreshKeys()]);
    onDone(newKeyName);
  });
  return (
    <Dialog name={t('people.removeTitle', { name: member.name })} width={520} onClose={onClose}>
      <div className="dialog-body">
        <h1>{t('people.removeTitle', { name: member.name })}</h1>
        {!isIn && <p className="mute">{t('people.withdrawSays')}</p>}
        {getsKey && <p>{t('people.newKeySays')}</p>}
        {isIn && <p>{t('people.oldSays', { name: member.name })}</p>}
        {action.error !== null && <ErrorNote error={action.error} />}
      </div>
      <div className="foot"><span className="grow" /><Button onClick={onClose} data-autofocus>{t('common.cancel')}</Button><Button variant="filled" loading={action.isRunning} onClick={remove}>{t(getsKey ? 'people.removeWithKey' : 'people.remove')}</Button></div>
    </Dialog>
  );
}

export function FolderPeople({ folder }: { folder: FolderView }): ReactElement {
  const { t } = useTranslation();
  const { value: members, error, reload } = useAnswer('sharing.members', { folderId: folder.id });
  const [isInviting, setInviting] = useState(false);
  const [leaving, setLeaving] = useState<MemberView | null>(null);
  const [said, setSaid] = useState<string | null>(null);
  const [grants, setGrants] = useState<RequestAnswer<'sharing.grants'> | null>(null);
  const action = useAction();
  const now = useNow(60_000);
  const stateOf = ({ acceptedAtMs, acceptedOn, expiresAtMs }: MemberView): string => (acceptedAtMs !== null ? t('people.in', { at: date(acceptedAtMs), on: acceptedOn ?? '' }) : now > expiresAtMs ? t('people.expired') : t('people.until', { at: date(expiresAtMs) }));
  const renew = (): void => void action.run(async () => {
    const directory = await ask('host.chooseFolder', { title: t('people.renewTitle') });
    if (directory === null) return;
    const { files, byHand } = await ask('sharing.renew', { folderId: folder.id, directory, days: DAYS });
    setSaid([files.length === 0 ? t('people.renewedNone') : t('people.renewed', { count: files.length, names: files.map(({ name }) => name).join(', ') }), ...(byHand.length === 0 ? [] : [t('people.byHand', { names: byHand.join(', ') })])].join(' '));
    reload();
  });
  const showGrants = (): void => void action.run(async () => setGrants(await ask('sharing.grants', { folderId: folder.id })));
  const isAnyoneIn = (members ?? []).some(({ acceptedAtMs }) => acceptedAtMs !== null);
  return (
    <div className="panel settings-panel people">
      <h2 className="h3">{t('people.title')}</h2>
      <p className="sm mute">{t('people.says')}</p>
      {(error ?? action.error) !== null && <ErrorNote error={(error ?? action.error)!} />}
      {said !== null && <p className="note sm" role="status">{said}</p>}
      {members !== null && members.length === 0 && <p className="sm mute">{t('people.nobody')}</p>}
      <ul aria-label={t('people.title')}>
        {(members ?? []).map((member) => (
          <li key={member.id} className="row"><span className="col grow"><bdi className="b">{visible(member.name)}</bdi><span className="sm mute">{stateOf(member)}</span></span>{member.recipientFingerprint !== null && <span className="mono xs mute">{fingerprint(member.recipientFingerprint)}</span>}<Button size="xs" onClick={() => setLeaving(member)} aria-label={t('people.removeOf', { name: member.name })}>{t('people.removeAsk')}</Button></li>
        ))}
      </ul>
      <div className="row flow">
        <Button leftSection={<IconUserPlus size={16} />} onClick={() => setInviting(true)}>{t('people.inviteAsk')}</Button>
        {isAnyoneIn && folder.keyId !== null && <Button onClick={renew} loading={action.isRunning}>{t('people.renew')}</Button>}
        {folder.mode !== 'cse-c' && folder.mode !== 'sse-c' && <Button onClick={showGrants} disabled={action.isRunning}>{t('people.grants')}</Button>}
      </div>
      {grants?.map(({ action: which, where, statements }) => <div key={`${which} ${where}`} className="col"><div className="row sm"><span className="grow"><b>{t(`people.which.${which}`)}</b> {where}</span><Copyable value={JSON.stringify(statements, null, 2)} isButtonOnly /></div></div>)}
      {isInviting && <Invite folder={folder} onClose={() => setInviting(false)} onDone={(theirs) => { setInviting(false); setSaid(theirs === null ? t('people.tellPassphrase') : t('people.compare', { fingerprint: fingerprint(theirs) })); reload(); }} />}
      {leaving !== null && <Remove folder={folder} member={leaving} onClose={() => setLeaving(null)} onDone={(newKeyName) => { setLeaving(null); setSaid(newKeyName === null ? t('people.removed', { name: leaving.name }) : t('people.removedKey', { name: leaving.name, key: newKeyName })); reload(); }} />}
    </div>
  );
}
