/**
 * A question in front of the page, named by its own words. Escape is always there and always safe.
 * Without Mantine's scroll lock: it injects a style tag of its own, which the content security policy rightly blocks.
 */
import { useEffect, useState, type ReactElement, type ReactNode } from 'react';
import { Modal } from '@mantine/core';

export function Dialog({ name, width, onClose, children }: { name: string; width: number; onClose: () => void; children: ReactNode }): ReactElement {
  // Mantine gives the keyboard back when a dialog is told to close; ours are simply taken away.
  const [opener] = useState(() => document.activeElement);
  useEffect(
    () => () => {
      requestAnimationFrame(() => {
        if (document.activeElement !== null && document.activeElement !== document.body) return;
        const isThere = opener instanceof HTMLElement && opener !== document.body && opener.isConnected;
        (isThere ? opener : document.querySelector<HTMLElement>('main'))?.focus();
      });
    },
    [opener],
  );
  return (
    <Modal.Root opened onClose={onClose} size={width} centered lockScroll={false} padding={0} radius="xl" classNames={{ content: 'dialog', overlay: 'scrim' }}>
      <Modal.Overlay />
      <Modal.Content aria-label={name}>{children}</Modal.Content>
    </Modal.Root>
  );
}
