"""Every command at one version: python3 every.py FOLDER URL USER VERSION; FOLDER holds the client.
A line a step: its name, the status, what came. Names and keys that differ from run to run are not told."""
import json, sys, time
from collections import Counter

sys.path.insert(0, sys.argv[1])
from eas import EAS, find, split_multipart, text

url, user, version = sys.argv[2:5]
phone = EAS(url, user, user + "pw", ver=version, dev="EVERY" + version.replace(".", ""), timeout=90)
modern, lists = float(version) >= 14, float(version) >= 12


def tags(tree):
    return Counter([tree[0]]) + sum((tags(child) for child in tree[1:] if isinstance(child, list)), Counter())


def tell(name, call):
    """What a step gave, as far as it is the same for another user with the same mails."""
    status, head, body = call()
    if isinstance(body, list):
        said = [sorted(f"{tag} {count}" for tag, count in tags(body).items())]
        said += [[tag, child[1]] for tag in sorted(tags(body)) if tag.endswith(":Status") for child in find(body, tag) if len(child) > 1]
    elif "multipart" in head.get("Content-Type", ""):
        # Sizes, times and names stand in the parts.
        said = ["parts", len(split_multipart(body))]
    else:
        said = [head.get("Content-Type", "").split(";")[0], len(body or b"")]
    print(json.dumps([name, status, said]))
    return body


def tree(command, *children, **more):
    return lambda: phone.post(command, [f"{more.pop('page', command)}:{command}", *children], **more)


status, head, _ = phone.options()
print(json.dumps(["OPTIONS", status, head.get("MS-ASProtocolVersions"), head.get("MS-ASProtocolCommands")]))
phone.provision()
tell("Provision", tree("Provision", ["Provision:Policies", ["Provision:Policy", ["Provision:PolicyType", "MS-EAS-Provisioning-WBXML"]]]))
folders = tell("FolderSync", phone.foldersync)
key = text(folders, "FolderHierarchy:SyncKey")
of = {text(a, "FolderHierarchy:Type"): text(a, "FolderHierarchy:ServerId") for a in find(folders, "FolderHierarchy:Add")}
mailbox = next(text(a, "FolderHierarchy:ServerId") for a in find(folders, "FolderHierarchy:Add") if text(a, "FolderHierarchy:DisplayName") == "Story")
told = ["Settings:Set", ["Settings:Model", "Phone"], ["Settings:OS", "OS 1"]]
tell("Settings device", tree("Settings", ["Settings:DeviceInformation", told]))
tell("Settings user", tree("Settings", ["Settings:UserInformation", ["Settings:Get"]]))
tell("Sync 0", lambda: phone.sync(mailbox))
for _ in range(3):
    answer = phone.sync(mailbox, body=(2, 200000), window=50)
    mails = answer[2] if isinstance(answer[2], list) else None
    if find(mails, "AirSync:Add"):
        break
else:
    sys.exit(f"the folder stays empty: {answer}")
tell("Sync", lambda: answer)
adds = sorted(find(mails, "AirSync:Add"), key=lambda one: text(one, "Email:Subject"))
ids = [text(one, "AirSync:ServerId") for one in adds]
references = [found[1] for one in adds for found in find(one, "AirSyncBase:FileReference") or find(one, "Email:AttName")]
estimate = ["GetItemEstimate:CollectionId", mailbox], ["AirSync:Options", ["AirSync:FilterType", 3]]
tell("GetItemEstimate", tree("GetItemEstimate", ["GetItemEstimate:Collections", ["GetItemEstimate:Collection", ["AirSync:SyncKey", phone.keys[mailbox]], *estimate]]))
tell("Sync nothing", lambda: phone.sync(mailbox))
tell("Sync change", lambda: phone.sync(mailbox, cmds=[["AirSync:Change", ["AirSync:ServerId", ids[0]], ["AirSync:ApplicationData", ["Email:Read", "1"]]]]))
tell("ItemOperations", lambda: phone.fetch_item(mailbox, ids[1]))
tell("ItemOperations parts", lambda: phone.fetch_item(mailbox, ids[1], multipart=True))
for reference in references[:2]:
    tell("ItemOperations attachment", lambda: phone.fetch_att(reference))
    tell("GetAttachment", lambda: phone.post("GetAttachment", AttachmentName=reference))
query = ["Search:And", ["AirSync:Class", "Email"], ["AirSync:CollectionId", mailbox], ["Search:FreeText", "attachment"]]
tell("Search mailbox", tree("Search", ["Search:Store", ["Search:Name", "Mailbox"], ["Search:Query", query], ["Search:Options", ["Search:Range", "0-9"]]]))
tell("Search GAL", tree("Search", ["Search:Store", ["Search:Name", "GAL"], ["Search:Query", "bob"], ["Search:Options", ["Search:Range", "0-9"]]]))
mime = f"From: {user}@example.test\r\nTo: carl@example.test\r\nSubject: every\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\nhi\r\n".encode()
tell("SendMail", lambda: phone.sendmail(mime, cid=f"e{time.time_ns()}"))
for command in ("SmartReply", "SmartForward"):
    source = ["ComposeMail:Source", ["ComposeMail:FolderId", mailbox], ["ComposeMail:ItemId", ids[1]]]
    if modern:
        tell(command, tree(command, ["ComposeMail:ClientId", f"s{time.time_ns()}"], ["ComposeMail:SaveInSentItems"], source, ["ComposeMail:Mime", mime], page="ComposeMail"))
    else:
        tell(command, lambda: phone.post(command, raw=mime, ctype="message/rfc822", CollectionId=mailbox, ItemId=ids[1]))
moved = tell("MoveItems", tree("MoveItems", ["Move:Move", ["Move:SrcMsgId", ids[0]], ["Move:SrcFldId", mailbox], ["Move:DstFldId", of["4"]]], page="Move"))
gone = text(moved, "Move:DstMsgId")
tell("MoveItems back", tree("MoveItems", ["Move:Move", ["Move:SrcMsgId", gone], ["Move:SrcFldId", of["4"]], ["Move:DstFldId", mailbox]], page="Move"))
name = f"F{time.time_ns() % 10**6}"
h = "FolderHierarchy"
made = tell("FolderCreate", tree("FolderCreate", [f"{h}:SyncKey", key], [f"{h}:ParentId", "0"], [f"{h}:DisplayName", name], [f"{h}:Type", "12"], page=h))
if isinstance(made, list) and text(made, f"{h}:ServerId"):
    own, key = text(made, f"{h}:ServerId"), text(made, f"{h}:SyncKey")
    made = tell("FolderUpdate", tree("FolderUpdate", [f"{h}:SyncKey", key], [f"{h}:ServerId", own], [f"{h}:ParentId", "0"], [f"{h}:DisplayName", name + "b"], page=h))
    key = text(made, f"{h}:SyncKey", key) if isinstance(made, list) else key
    tell("FolderDelete", tree("FolderDelete", [f"{h}:SyncKey", key], [f"{h}:ServerId", own], page=h))
tell("MeetingResponse", tree("MeetingResponse", ["MeetingResponse:Request", ["MeetingResponse:UserResponse", "1"], ["MeetingResponse:CollectionId", mailbox], ["MeetingResponse:RequestId", ids[1]]]))
tell("ResolveRecipients", tree("ResolveRecipients", ["ResolveRecipients:To", "bob@example.test"], ["ResolveRecipients:Options", ["ResolveRecipients:CertificateRetrieval", "1"]]))
tell("ValidateCert", tree("ValidateCert", ["ValidateCert:Certificates", ["ValidateCert:Certificate", "MIIB"]]))
tell("GetHierarchy", lambda: phone.post("GetHierarchy"))
for _ in range(4):
    phone.sync(mailbox)
tell("Ping", lambda: phone.ping([mailbox], 8))
