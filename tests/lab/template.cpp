#include <gmock/gmock.h>

#include "lab/cloud.hpp"
#include "lab/template_document.hpp"
#include "lab/template_stack.hpp"
#include "os/file.hpp"

namespace intelwall::lab {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsSupersetOf;
using testing::Not;
using testing::Pair;

/// Makes resources of nothing, and remembers them in the order of their making.
struct Maker {
  std::vector<DeclaredResource> made;
  Result<MadeStack> stack(std::string_view text, std::map<std::string, std::string> parameters = {}) {
    IW_TRY(const Json document, read_template(text));
    return make_stack(document, {std::move(parameters), "test", region, account_id},
                      [this](const DeclaredResource& resource) -> Result<PhysicalResource> {
                        if (resource.type == "Test::Broken") return fail(ErrorCode::refused, "it broke", "inside");
                        made.push_back(resource);
                        return PhysicalResource{
                            "ref-" + resource.id,
                            {{"Arn", "arn:" + resource.id}, {"PolicyArn", "arn:policy"}, {"QueueName", "queue"}}};
                      });
  }
  std::vector<std::string> ids() const {
    std::vector<std::string> all;
    for (const auto& each : made) all.push_back(each.id);
    return all;
  }
  const Json& properties(const std::string& id) const {
    static const Json none;
    const auto found = std::ranges::find(made, id, &DeclaredResource::id);
    return found == made.end() ? none : found->properties;
  }
};

/// The value of one property with all functions applied; its error where there is none.
Json evaluated(const std::string& written, const std::string& before = {}) {
  Maker maker;
  const auto stack =
      maker.stack(before + "\nResources:\n  Other: {Type: Test::Thing}\n  Thing:\n    Type: Test::Thing\n" +
                  "    Properties:\n      Value: " + written + "\n");
  if (!stack) return stack.error().to_text();
  return maker.properties("Thing").value("Value", Json("none"));
}

std::string error_of(std::string_view text, std::map<std::string, std::string> parameters = {}) {
  const auto stack = Maker().stack(text, std::move(parameters));
  return stack ? "no error" : stack.error().to_text();
}

std::string reading(std::string_view text) {
  const auto document = read_template(text);
  return document ? document->dump() : document.error().to_text();
}

TEST(Template, ReadsYamlAndJsonAlike) {
  const char* const json = R"({"Resources":{"A":{"Type":"T","Properties":{"X":{"Fn::GetAtt":["B","C.D"]},"N":7}}}})";
  EXPECT_EQ(reading(json), reading("Resources:\n  A:\n    Type: T\n    Properties: {X: !GetAtt B.C.D, N: 7}\n"));
}

TEST(Template, WritesShortFormsOut) {
  EXPECT_EQ(reading("A: !Ref B\nC: !Sub [x, {y: !Condition Z}]\n"),
            R"({"A":{"Ref":"B"},"C":{"Fn::Sub":["x",{"y":{"Condition":"Z"}}]}})");
}

TEST(Template, ReadsPlainScalarsAsTheyAreMeant) {
  EXPECT_EQ(reading("{A: true, B: \"true\", C: 12, D: 000000000000, E: 2012-10-17, F: '7', G: 1.10, H: no}"),
            R"({"A":true,"B":"true","C":12,"D":"000000000000","E":"2012-10-17","F":"7","G":"1.10","H":"no"})");
}

TEST(Template, RefusesWhatCloudFormationRefuses) {
  EXPECT_EQ(reading("A: &x 1\nB: *x\n"), "line 2: aliases are not for templates");
  EXPECT_EQ(reading("A: 1\nA: 2\n"), "line 2: A stands there twice");
  EXPECT_THAT(reading("A:\nB: 1\n"), HasSubstr("a null"));
  EXPECT_THAT(reading(R"({"A":null})"), HasSubstr("a null"));
  EXPECT_THAT(reading("A: !!binary eA==\n"), HasSubstr("tag"));
  EXPECT_THAT(reading("- 1\n"), HasSubstr("one mapping"));
  EXPECT_THAT(reading("{A: [\n"), HasSubstr("line"));
  EXPECT_THAT(reading(""), HasSubstr("empty"));
  EXPECT_THAT(reading("A: " + std::string(100, '[') + std::string(100, ']')), HasSubstr("too deeply"));
  EXPECT_THAT(reading(R"({"A":)" + std::string(100, '[') + std::string(100, ']') + "}"), HasSubstr("too deeply"));
  EXPECT_THAT(reading(std::string(template_byte_limit + 1, ' ')), HasSubstr("larger"));
}

TEST(Template, AppliesFunctions) {
  EXPECT_EQ(evaluated("!Ref Other"), "ref-Other");
  EXPECT_EQ(evaluated("!GetAtt Other.Arn"), "arn:Other");
  EXPECT_EQ(evaluated("!Sub \"${Other}/${Other.Arn}/${AWS::Region}/${!Kept}/${\""),
            "ref-Other/arn:Other/us-east-1/${Kept}/${");
  EXPECT_EQ(evaluated("!Sub [\"${A}-${Other}\", {A: !Join [\".\", [a, !Ref Other, 3]]}]"), "a.ref-Other.3-ref-Other");
  EXPECT_EQ(evaluated("!Select [1, !Split [\",\", \"a,b,c\"]]"), "b");
  EXPECT_EQ(evaluated("!Split [\",\", \"\"]"), Json::array({""}));
  EXPECT_EQ(evaluated("!FindInMap [M, !Ref AWS::Partition, K]", "Mappings: {M: {aws: {K: \"42\"}}}"), "42");
  EXPECT_EQ(evaluated("{A: !Ref AWS::NoValue, B: [!Ref AWS::NoValue, 1]}"), Json::parse(R"({"B":[1]})"));
  EXPECT_EQ(evaluated("!Ref AWS::NoValue"), "none");
  // A policy's own "Condition" is no function.
  EXPECT_EQ(evaluated("{Condition: {Bool: {x: \"false\"}}}"), Json::parse(R"({"Condition":{"Bool":{"x":"false"}}})"));
}

TEST(Template, TakesOneBranchOfIfOnly) {
  const std::string before = "Conditions: {Yes: !Equals [a, a], No: !Not [!Condition Yes]}";
  EXPECT_EQ(evaluated("!If [Yes, taken, !GetAtt Other.NoSuch]", before), "taken");
  EXPECT_EQ(evaluated("!If [No, !Ref NoSuch, other]", before), "other");
}

TEST(Template, NamesThePlaceOfAFault) {
  const std::string place = "Resources.Thing.Properties.Value";
  EXPECT_THAT(evaluated("!Ref NoSuch").get<std::string>(), HasSubstr(place + ": the template has no NoSuch"));
  EXPECT_THAT(evaluated("[!GetAtt Other.NoSuch]").get<std::string>(),
              HasSubstr(place + "[0]: Other has no attribute NoSuch"));
  EXPECT_THAT(evaluated("!Cidr [a, 1, 2]").get<std::string>(), HasSubstr(place + ": the lab has no function Fn::Cidr"));
  EXPECT_THAT(evaluated("!Select [3, [a]]").get<std::string>(), HasSubstr("does not have"));
  EXPECT_THAT(evaluated("!Join [a, b]").get<std::string>(), HasSubstr("a list is wanted"));
  EXPECT_THAT(evaluated("!If [NoSuch, 1, 2]").get<std::string>(), HasSubstr("no condition NoSuch"));
  EXPECT_THAT(evaluated("!If [A, 1, 2]", "Conditions: {A: !Condition B, B: !Not [!Condition A]}").get<std::string>(),
              HasSubstr("depends on itself"));
  EXPECT_THAT(error_of("Resources: {A: {Type: Test::Broken}}"), HasSubstr("Resources.A, inside: it broke"));
}

TEST(Template, GrowsNoTextWithoutEnd) {
  std::string written = "x";
  for (int i = 0; i < 24; ++i)
    written = "!Join [\"\", !Split [x, !Sub [\"${A}x${A}x${A}x${A}\", {A: " + written + "}]]]";
  EXPECT_THAT(evaluated(written).dump(), HasSubstr("too deeply"));
  written = std::string(1'000, 'y');
  for (int i = 0; i < 12; ++i) written = "!Sub [\"${A}${A}${A}${A}\", {A: " + written + "}]";
  EXPECT_THAT(evaluated(written).dump(), HasSubstr("too long"));
}

TEST(Template, MakesResourcesInTheOrderOfTheirReferences) {
  Maker maker;
  const auto stack = maker.stack(
      "Conditions: {No: !Equals [a, b]}\n"
      "Resources:\n"
      "  A: {Type: T, Properties: {X: !Sub \"${C.Arn}\"}}\n"
      "  B: {Type: T, DependsOn: [A, Left]}\n"
      "  C: {Type: T, DependsOn: D}\n"
      "  D: {Type: T, Properties: {X: !If [No, !Ref A, !Ref AWS::NoValue]}}\n"
      "  Left: {Type: T, Condition: No}\n"
      "Outputs: {O: {Value: !GetAtt A.Arn}, P: {Condition: No, Value: !Ref Left}}\n");
  ASSERT_TRUE(stack) << stack.error().to_text();
  EXPECT_THAT(maker.ids(), ElementsAre("D", "C", "A", "B"));
  EXPECT_THAT(stack->outputs, ElementsAre(Pair("O", "arn:A")));
}

TEST(Template, RefusesResourcesThatWaitForEachOther) {
  EXPECT_THAT(error_of("Resources: {A: {Type: T, DependsOn: B}, B: {Type: T, Properties: {X: !Ref A}}}"),
              HasSubstr("Resources.A: the resource depends on itself"));
  EXPECT_THAT(error_of("Resources: {A: {Type: T, DependsOn: B}}"), HasSubstr("DependsOn names no resource"));
  EXPECT_THAT(error_of("Resources: {}"), HasSubstr("no resources"));
  EXPECT_THAT(error_of("{Transform: AWS::Serverless-2016-10-31, Resources: {A: {Type: T}}}"),
              HasSubstr("Transform: the lab knows no such section"));
  EXPECT_THAT(error_of("Resources: {A: {Properties: {}}}"), HasSubstr("no Type"));
}

TEST(Template, ChecksParameters) {
  const std::string text =
      "Parameters:\n"
      "  Name: {Type: String, AllowedPattern: \"^[a-z]{1,3}$\", ConstraintDescription: three letters}\n"
      "  Size: {Type: Number, Default: 5, MinValue: 2, MaxValue: 9}\n"
      "  Kind: {Type: String, Default: a, AllowedValues: [a, b]}\n"
      "  Accounts: {Type: CommaDelimitedList, Default: \"\", AllowedPattern: \"^([0-9]{3})?$\"}\n"
      "Resources: {A: {Type: T, Properties: {N: !Ref Name, S: !Ref Size, L: !Ref Accounts}}}\n";
  Maker maker;
  ASSERT_TRUE(maker.stack(text, {{"Name", "abc"}, {"Accounts", "111, 222"}}));
  EXPECT_EQ(maker.properties("A"), Json::parse(R"({"N":"abc","S":"5","L":["111","222"]})"));
  EXPECT_EQ(error_of(text), "Parameters.Name: the parameter has no value (give --parameter Name=VALUE)");
  EXPECT_THAT(error_of(text, {{"Name", "secret"}}), HasSubstr("Parameters.Name: the value does not match"));
  EXPECT_THAT(error_of(text, {{"Name", "secret"}}), HasSubstr("give three letters"));
  EXPECT_THAT(error_of(text, {{"Name", "secret"}}), Not(HasSubstr("secret")));
  EXPECT_THAT(error_of(text, {{"Name", "abc\n"}}), HasSubstr("does not match"));
  EXPECT_THAT(error_of(text, {{"Name", "a"}, {"Size", "1"}}), HasSubstr("too small"));
  EXPECT_THAT(error_of(text, {{"Name", "a"}, {"Size", "10"}}), HasSubstr("too large"));
  EXPECT_THAT(error_of(text, {{"Name", "a"}, {"Size", "x"}}), HasSubstr("no number"));
  EXPECT_THAT(error_of(text, {{"Name", "a"}, {"Kind", "c"}}), HasSubstr("none of a, b"));
  EXPECT_THAT(error_of(text, {{"Name", "a"}, {"Accounts", "111,22"}}), HasSubstr("Parameters.Accounts"));
  EXPECT_THAT(error_of(text, {{"Nme", "a"}}), HasSubstr("Parameters.Nme: the template has no such parameter"));
}

TEST(Template, ChecksRules) {
  const std::string text =
      "Parameters: {A: {Type: String, Default: \"\"}, B: {Type: String, Default: \"\"}}\n"
      "Rules:\n"
      "  Together:\n"
      "    RuleCondition: !Not [!Equals [!Ref A, \"\"]]\n"
      "    Assertions:\n"
      "      - {Assert: !Contains [[x, y], !Ref B], AssertDescription: A needs B}\n"
      "Resources: {R: {Type: T}}\n";
  EXPECT_EQ(error_of(text), "no error");
  EXPECT_EQ(error_of(text, {{"A", "a"}}), "Rules.Together: A needs B");
  EXPECT_EQ(error_of(text, {{"A", "a"}, {"B", "y"}}), "no error");
}

std::string shipped() {
  const auto text = os::read_file(std::filesystem::path(INTELWALL_SOURCE_DIR) / "deploy/cloudformation/intelwall.yaml");
  return text ? *text : text.error().to_text();
}

TEST(Template, ReadsTheShippedOne) {
  Maker maker;
  const auto stack =
      maker.stack(shipped(), {{"CodeBucket", "code"}, {"FirewallName", "lab"}, {"BlockProducts", "a/b,c/*"}});
  ASSERT_TRUE(stack) << stack.error().to_text();
  EXPECT_THAT(maker.ids(), IsSupersetOf({"Actions", "RespondFunction", "PressedActions", "ImportedFindings"}));
  EXPECT_THAT(maker.ids(), Not(Contains("Key")));
  EXPECT_THAT(maker.ids(), Not(Contains("HuntTimer")));
  const Json& respond = maker.properties("RespondFunction");
  EXPECT_EQ(respond.at("FunctionName"), "intelwall-respond");
  EXPECT_EQ(respond.at("Code"), Json::parse(R"({"S3Bucket":"code","S3Key":"intelwall.zip"})"));
  const Json& variables = respond.at("Environment").at("Variables");
  EXPECT_EQ(variables.at("INTELWALL_FIREWALL"), "lab");
  EXPECT_EQ(variables.at("INTELWALL_GROUP_CAPACITY"), "5000");
  EXPECT_FALSE(variables.contains("INTELWALL_ALLOW_LIST"));
  EXPECT_EQ(variables.at("INTELWALL_FINDINGS_FILTER"), R"({"products":["a/b","c/*"],"min_severity":"HIGH"})");
  EXPECT_EQ(maker.properties("PressedActions").at("EventPattern").at("resources").size(), 5);
  EXPECT_EQ(stack->outputs.at("DeadLetterQueueUrls"), "ref-ActionsDead ref-Failures");
}

TEST(Template, HoldsTheShippedOnesRules) {
  EXPECT_THAT(error_of(shipped(), {{"CodeBucket", "code"}}),
              HasSubstr("Rules.FirewallIsNamed: FirewallName must name"));
  EXPECT_THAT(error_of(shipped(), {{"CodeBucket", "code"}, {"FirewallName", "lab"}, {"HuntFql", "type:'domain'"}}),
              HasSubstr("A hunt and Forward need FalconSecretArn"));
  EXPECT_THAT(error_of(shipped(), {{"CodeBucket", "Code!"}, {"FirewallName", "lab"}}),
              HasSubstr("give the name of a bucket"));
}

}  // namespace
}  // namespace intelwall::lab
