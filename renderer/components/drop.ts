/** Real files and folders dragged from the desktop. */
import { useState, type DragEvent } from 'react';

export type DropTarget = {
  readonly isOver: boolean;
  readonly handlers: { onDragEnter: (event: DragEvent) => void; onDragOver: (event: DragEvent) => void; onDragLeave: (event: DragEvent) => void; onDrop: (event: DragEvent) => void };
};

const hasFiles = (event: DragEvent): boolean => event.dataTransfer.types.includes('Files');

/** @param take - gets the absolute paths, never an empty list. */
export function useDrop(take: (paths: string[]) => void): DropTarget {
  const [depth, setDepth] = useState(0);
  const stop = (event: DragEvent): void => {
    event.preventDefault();
    event.stopPropagation();
  };
  return {
    isOver: depth > 0,
    handlers: {
      onDragEnter: (event) => {
        if (!hasFiles(event)) return;
        stop(event);
        setDepth((last) => last + 1);
      },
      onDragOver: (event) => {
        if (!hasFiles(event)) return;
        stop(event);
        event.dataTransfer.dropEffect = 'copy';
      },
      onDragLeave: () => setDepth((last) => Math.max(0, last - 1)),
      onDrop: (event) => {
        stop(event);
        setDepth(0);
        const paths = window.enfold.pathsOf([...event.dataTransfer.files]);
        if (paths.length > 0) take(paths);
      },
    },
  };
}
