import { readFileSync } from 'node:fs';
import { Copy, DockerfileParser, From, type Instruction } from 'dockerfile-ast';

/** An instruction of a stage. */
export interface Step {
  keyword: string;
  /** The arguments: of RUN the whole command, of CMD and HEALTHCHECK the words of the command. */
  words: string[];
  /** The stage from which COPY takes its files, or null: then it takes them from the repository. */
  from: string | null;
}

/** What follows a `FROM`. */
export interface Stage {
  name: string;
  /** The image that the stage extends, such as `node:24-bookworm-slim`. */
  image: string;
  steps: Step[];
}

/** Reads the stages of a Dockerfile. */
export function readStages(file: string): Stage[] {
  const stages: Stage[] = [];
  for (const instruction of DockerfileParser.parse(readFileSync(file, 'utf8')).getInstructions()) {
    if (instruction instanceof From) {
      const [name, image] = [instruction.getBuildStage(), instruction.getImage()];
      stages.push({ name: name ?? String(stages.length), image: image ?? '', steps: [] });
    } else stages.at(-1)!.steps.push(stepOf(instruction));
  }
  return stages;
}

/** @returns the last step with the keyword, which is the one that counts for USER and CMD */
export function lastStep({ steps }: Stage, keyword: string): Step | undefined {
  return steps.findLast((step) => step.keyword === keyword);
}

function stepOf(instruction: Instruction): Step {
  const from = instruction instanceof Copy ? (instruction.getFromFlag()?.getValue() ?? null) : null;
  return { keyword: instruction.getKeyword(), words: wordsOf(instruction), from };
}

function wordsOf(instruction: Instruction): string[] {
  const content = instruction.getArgumentsContent() ?? '';
  switch (instruction.getKeyword()) {
    case 'RUN':
      return [content];
    case 'CMD':
    case 'HEALTHCHECK':
      return JSON.parse(content.slice(content.indexOf('['))) as string[];
    default:
      return instruction.getArguments().map((argument) => argument.getValue());
  }
}
