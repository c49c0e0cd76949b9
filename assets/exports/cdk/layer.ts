// One CloudFormation template as a CDK stack: the template stays what it is, its parameters become properties.
import * as path from 'node:path';
import { Annotations, Fn, LegacyStackSynthesizer, Stack, type StackProps, Token, Validations } from 'aws-cdk-lib';
import { CfnInclude } from 'aws-cdk-lib/cloudformation-include';
import type { Construct } from 'constructs';

export interface LayerProps<P> extends StackProps {
  readonly parameters: P;
  /** Conditions of the template that ask for another stack's output: AWS cannot evaluate those, so their outcome is given. */
  readonly outcomes?: Readonly<Record<string, boolean>>;
}

/** What the CDK's own look at a template says of every template that serves several decisions: it does not count a false condition as one. */
const FOR_EVERY_DECISION: Readonly<Record<string, string>> = {
  F3014: 'exactly one of several properties: each side of an If has its one',
  F3033: 'a text may be empty where an If takes the other side then',
  F3034: 'a number that stands in a resource whose condition is false here',
  W1001: 'an output asks for a resource inside the If of the same condition',
  W1028: 'the other side of an If is for another decision',
  W2503: 'a resource of another condition is asked for inside the If of that condition',
  W2509: 'the parameter says whether there is a password; it never holds one',
  W8001: 'conditions are shared by all templates of a kind',
  W8003: 'a parameter with a value makes its condition a constant',
  W9003: 'CloudFormation takes a number as text',
  W9053: 'conditions that are equal for these answers differ for others',
};

export abstract class Layer<P extends object> extends Stack {
  private readonly template: CfnInclude;

  protected constructor(scope: Construct, id: string, layer: string, lists: readonly string[], props: LayerProps<P>) {
    const { parameters, outcomes, ...rest } = props;
    // no bootstrap is needed: the templates go to CloudFormation as they are
    super(scope, id, { synthesizer: new LegacyStackSynthesizer(), ...rest, stackName: id });
    const seen = Object.entries(FOR_EVERY_DECISION).map(([rule, reason]) => ({ id: `CloudFormation-Validate::${rule}`, reason }));
    Validations.of(this).acknowledge(...seen);
    const given: Record<string, unknown> = {};
    for (const [name, value] of Object.entries(parameters) as [string, string | undefined][]) {
      if (value === undefined) continue;
      given[name] = lists.includes(name) ? (Token.isUnresolved(value) ? Fn.split(',', value) : value.split(',')) : value;
      if (value.includes('000000000000')) {
        Annotations.of(this).addWarningV2(`migration:${name}`, `${name} is an example: fill config.json (see README.md)`);
      }
    }
    this.template = new CfnInclude(this, 'Template', {
      templateFile: path.join(__dirname, '..', 'templates', `${layer}.yaml`),
      parameters: given,
    });
    for (const [name, holds] of Object.entries(outcomes ?? {})) {
      this.template.getCondition(name).expression = Fn.conditionEquals(holds ? 'yes' : 'no', 'yes');
    }
  }

  /** An output of this stack, for another one's parameter. */
  output(name: string): string {
    const exportName = `${this.stackName}-${name}`;
    this.template.getOutput(name).exportName = exportName;
    return Fn.importValue(exportName);
  }
}
